"""The parts of an encoder, made of its weights."""

from collections.abc import Callable

import torch
from torch.nn.functional import layer_norm

from worker.model.checkpoint import Weights
from worker.model.encoder_shape import EncoderShape
from worker.model.linear import Activation, GatedLinear, Linear


class Norm:
    """A layer norm, with a bias or without one."""

    def __init__(self, weights: Weights, name: str, epsilon: float) -> None:
        self._weight, self._bias = weights.pop(f"{name}.weight"), weights.pop(f"{name}.bias", None)
        self._epsilon = epsilon

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[tokens, hidden]` of the same."""
        return layer_norm(hidden, self._weight.shape, self._weight, self._bias, self._epsilon)


def unchanged(hidden: torch.Tensor) -> torch.Tensor:
    """Stands in for a part that a family lacks."""
    return hidden


class Parts:
    """Makes the parts of an encoder, and takes their weights over."""

    def __init__(self, shape: EncoderShape, weights: Weights, make_linear: Callable[..., Linear]) -> None:
        self._weights, self._epsilon, self.make_linear = weights, shape.norm_epsilon, make_linear

    def norm(self, name: str) -> Norm:
        """The layer norm of this name."""
        return Norm(self._weights, name, self._epsilon)

    def linear(self, name: str, activation: Activation = "none") -> Linear:
        """The linear layer of this name."""
        return self.make_linear(*self.weights(name), activation)

    def gated(self, name: str, activation: Activation) -> GatedLinear:
        """The weights of the gate lie behind the others."""
        weight, bias = self.weights(name)
        biases = (None, None) if bias is None else bias.chunk(2)
        first, gate = zip(weight.chunk(2), biases, strict=True)
        return GatedLinear(self.make_linear(*first, activation), self.make_linear(*gate))

    def weights(self, *names: str) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weight and bias of these linear layers, as if they were one."""
        weights = [self._weights.pop(f"{name}.weight") for name in names]
        biases = [self._weights.pop(f"{name}.bias") for name in names if f"{name}.bias" in self._weights]
        if len(names) == 1:
            return weights[0], biases[0] if biases else None
        return torch.cat(weights), torch.cat(biases) if biases else None
