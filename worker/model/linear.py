"""A linear layer, and what may be done to each of its outputs."""

from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

import torch
from torch.nn.functional import gelu, linear, relu

Activation = Literal["none", "gelu", "gelu_new", "relu", "tanh"]
_FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gelu": gelu,
    "gelu_new": partial(gelu, approximate="tanh"),
    "relu": relu,
    "tanh": torch.tanh,
}


class Linear(Protocol):
    """A linear layer."""

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """`[…, out_features]` of `[…, in_features]`."""

    def plus(self, inputs: torch.Tensor, addend: torch.Tensor) -> torch.Tensor:
        """The same, `addend` `[…, out_features]` added."""


class PlainLinear:
    """As torch has it."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, activation: Activation = "none") -> None:
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


class GatedLinear:
    """A linear layer whose outputs are multiplied with those of another one."""

    def __init__(self, linear: Linear, gate: Linear) -> None:
        self._linear, self._gate = linear, gate

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """`[…, out_features]` of `[…, in_features]`."""
        return self._linear(inputs).mul_(self._gate(inputs))
