"""Linear layers whose weights lie as oneDNN reads them for bfloat16, with what follows them done in the same pass.

A plain layer lays its weights out anew at every call, which costs a lone text more than the products do. GELU and the
addition before a layer norm are done while a product is still in the cache, and before it is rounded. The operators
are those that torch.compile makes of a frozen layer (mkldnn_fusion.py among the passes of torch's inductor); they
need no compiler themselves. oneDNN makes code for each number of tokens that it has not met, which takes as long as
the forward pass of some texts: steps of STEP_TOKENS leave few of them, and fill its tiles.
"""

from typing import Literal

import torch
from torch.nn import Linear, Module
from transformers.activations import GELUActivation
from transformers.models.bert.modeling_bert import BertIntermediate, BertOutput, BertSelfOutput
from transformers.models.roberta.modeling_roberta import RobertaIntermediate, RobertaOutput, RobertaSelfOutput
from transformers.models.xlm_roberta.modeling_xlm_roberta import (
    XLMRobertaIntermediate,
    XLMRobertaOutput,
    XLMRobertaSelfOutput,
)

STEP_TOKENS = 16  # a tile of AMX has as many rows

_Output = BertSelfOutput | BertOutput | RobertaSelfOutput | RobertaOutput | XLMRobertaSelfOutput | XLMRobertaOutput
_Intermediate = BertIntermediate | RobertaIntermediate | XLMRobertaIntermediate


class PrepackedLinear(Module):
    """Stands in for a linear layer, and for what is done to each of its outputs; its weights are held once."""

    def __init__(self, plain: Linear, then: Literal["none", "gelu"] = "none") -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(plain.weight.detach())
        self._bias = None if plain.bias is None else plain.bias.detach()
        self._then = then

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """`[…, out_features]` of `[…, in_features]`."""
        outputs: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            inputs,
            self._weight,
            self._bias,
            self._then,
            [],
            "none",  # the exact GELU: not "tanh"
        )
        return outputs

    def plus(self, inputs: torch.Tensor, addend: torch.Tensor) -> torch.Tensor:
        """The same, `addend` `[…, out_features]` added."""
        outputs: torch.Tensor = torch.ops.mkldnn._linear_pointwise.binary(
            inputs, addend, self._weight, self._bias, "add"
        )
        return outputs


class PrepackedOutput(Module):
    """Stands in for the end of an attention or of a layer: a linear layer, what went in before it, and a layer norm."""

    def __init__(self, plain: _Output) -> None:
        super().__init__()
        self._dense = PrepackedLinear(plain.dense)
        self._norm = plain.LayerNorm

    def forward(self, inputs: torch.Tensor, addend: torch.Tensor) -> torch.Tensor:
        """`[…, out_features]` of `[…, in_features]`."""
        outputs: torch.Tensor = self._norm(self._dense.plus(inputs, addend))
        return outputs


def is_faster(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether it makes a model faster: measured with AMX. In float32 it makes no difference (AVX2, AVX-512)."""
    return (
        device.type == "cpu"
        and dtype == torch.bfloat16
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )


def prepack(module: Module) -> None:
    """Put them in the place of all linear layers below."""
    for name, child in module.named_children():
        if isinstance(child, Linear):
            setattr(module, name, PrepackedLinear(child))
        elif isinstance(child, _Output):
            setattr(module, name, PrepackedOutput(child))
        elif isinstance(child, _Intermediate) and isinstance(child.intermediate_act_fn, GELUActivation):
            setattr(module, name, PrepackedLinear(child.dense, then="gelu"))
        else:
            prepack(child)
