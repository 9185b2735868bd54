"""Linear layers whose weights lie as oneDNN reads them for bfloat16.

A plain layer lays them out anew at every call, which costs a lone text more than the products do. The outputs are the
same but for rounding. The operators are those that torch.compile makes of a frozen layer (mkldnn_fusion.py among the
passes of torch's inductor); they need no compiler themselves.
"""

import torch
from torch.nn import Linear, Module


class PackedLinear(Module):
    """Stands in for a linear layer; its weights are held once."""

    def __init__(self, plain: Linear) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(plain.weight.detach())
        self._bias = None if plain.bias is None else plain.bias.detach()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`[…, out_features]` of `[…, in_features]`."""
        outputs: torch.Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self._weight, self._bias, "none", [], "")
        return outputs


def pays(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether it makes a model faster: measured with AMX. In float32 it makes no difference (AVX2, AVX-512)."""
    return (
        device.type == "cpu"
        and dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


def pack(module: Module) -> None:
    """Put them in the place of all linear layers below."""
    for name, child in module.named_children():
        if isinstance(child, Linear):
            setattr(module, name, PackedLinear(child))
        else:
            pack(child)
