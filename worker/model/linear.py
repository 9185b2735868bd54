"""A linear layer, and what may be done to each of its outputs."""

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch.nn.functional import gelu, linear, relu

Activation = Literal["none", "gelu", "relu"]
_FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"gelu": gelu, "relu": relu}


class Linear(Protocol):
    """A linear layer."""

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """`[…, out_features]` of `[…, in_features]`."""

    def plus(self, inputs: torch.Tensor, addend: torch.Tensor) -> torch.Tensor:
        """The same, `addend` `[…, out_features]` added."""


class PlainLinear:
    """As torch has it."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, activation: Activation = "none") -> None:
        self._weight = weight
        self._bias = bias
        self._activation = _FUNCTIONS.get(activation)

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """`[…, out_features]` of `[…, in_features]`."""
        outputs = linear(inputs, self._weight, self._bias)
        return self._activation(outputs) if self._activation else outputs

    def plus(self, inputs: torch.Tensor, addend: torch.Tensor) -> torch.Tensor:
        """The same, `addend` `[…, out_features]` added."""
        return self(inputs) + addend
