"""A linear layer whose weights lie as oneDNN reads them for bfloat16, with what follows it done in the same pass.

A plain layer lays its weights out anew at every call, which costs a lone text more than the products do. GELU and the
addition before a layer norm are done while a product is still in the cache, and before it is rounded. The operators
are those that torch.compile makes of a frozen layer (mkldnn_fusion.py among the passes of torch's inductor); they
need no compiler themselves. oneDNN makes code for each number of tokens that it has not met, which takes as long as
the forward pass of some texts: steps of STEP_TOKENS leave few of them, and fill its tiles.
"""

import torch

from worker.model.linear import Activation

STEP_TOKENS = 16  # a tile of AMX has as many rows
_FUSED = {"gelu_new": ("gelu", "tanh")}  # the algorithm of the exact GELU is "none"


class PrepackedLinear:
    """Does what a plain one does; its weights are held once."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, activation: Activation = "none") -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight)
        self._bias = bias
        self._activation, self._algorithm = _FUSED.get(activation, (activation, "none"))

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """`[…, out_features]` of `[…, in_features]`."""
        outputs: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            inputs,
            self._weight,
            self._bias,
            self._activation,
            [],
            self._algorithm,
        )
        return outputs

    def plus(self, inputs: torch.Tensor, addend: torch.Tensor) -> torch.Tensor:
        """The same, `addend` `[…, out_features]` added."""
        outputs: torch.Tensor = torch.ops.mkldnn._linear_pointwise.binary(
            inputs, addend, self._weight, self._bias, "add"
        )
        return outputs


def is_faster(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether it makes a model faster: measured with AMX. In float32 it makes no difference (AVX2, AVX-512)."""
    return (
        device.type == "cpu"
        and dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )
