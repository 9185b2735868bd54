"""How tokens attend to those of their text, and what they make of the distance between them."""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch.nn.functional import layer_norm, linear, scaled_dot_product_attention

from worker.model.checkpoint import Weights
from worker.model.distances import bias_numbers, bucket_numbers, nearest
from worker.model.encoder_shape import EncoderShape, Rotation
from worker.model.packing import ROW_TOKENS
from worker.model.prepacked_linear import STEP_TOKENS

Joined = dict[str, tuple[torch.Tensor, torch.Tensor | None]]
"""Weight `[3 * hidden, hidden]` and bias of query, key and value in one, of each layer by its name."""
Attend = Callable[[torch.Tensor], torch.Tensor]
"""Query, key and value of each token `[tokens, 3 * hidden]` to what it gathers `[tokens, hidden]`."""


class Rows(NamedTuple):
    """The rows in which tokens attend to each other; all else is done to each of the `kept` tokens for itself.

    `positions` are those of the kept tokens within their texts, of which none has more than `longest`. `mask`
    `[rows, 1, tokens, tokens]` is added to the products of query and key; None: each row is one text.
    """

    shape: torch.Size
    kept: torch.Tensor | None
    positions: torch.Tensor
    longest: int
    mask: torch.Tensor | None

    def heads(self, joined: torch.Tensor, heads: int) -> torch.Tensor:
        """Query, key and value `[3, rows, heads, tokens, size]` of `[kept, 3 * hidden]`; zeros are the padding."""
        if self.kept is not None:
            joined = joined.new_zeros(self.shape.numel(), joined.shape[1]).index_copy_(0, self.kept, joined)
        return joined.view(*self.shape, 3, heads, -1).permute(2, 0, 3, 1, 4)

    def gather(self, attended: torch.Tensor) -> torch.Tensor:
        """The way back: `[kept, hidden]` of `[rows, heads, tokens, size]`."""
        tokens = attended.transpose(1, 2).reshape(self.shape.numel(), -1)
        return tokens if self.kept is None else tokens[self.kept]


class Attention(Protocol):
    """That of one layer, or of all that do it alike: what they share is computed once for a batch."""

    def over(self, rows: Rows) -> Attend:
        """For these rows."""


class PlainAttention:
    """BERT's: the same at any distance."""

    def __init__(self, heads: int) -> None:
        self._heads = heads

    def over(self, rows: Rows) -> Attend:
        """For these rows."""
        return lambda joined: self._attended(joined, rows, rows.mask)

    def _attended(self, joined: torch.Tensor, rows: Rows, mask: torch.Tensor | None) -> torch.Tensor:
        query, key, value = rows.heads(joined, self._heads)
        return rows.gather(scaled_dot_product_attention(query, key, value, mask))


class BiasedAttention(PlainAttention):
    """MPNet's: to each distance belongs a number for each head, the same in all layers."""

    def __init__(self, biases: torch.Tensor) -> None:
        """Those of each distance, `[heads, distances]`."""
        super().__init__(len(biases))
        self._biases = biases

    def over(self, rows: Rows) -> Attend:
        """For these rows."""
        tokens = rows.shape[1]
        near = nearest(self._biases, tokens)
        bias = near.unfold(1, tokens, 1).flip(1)  # [heads, tokens, tokens]
        mask = bias[None] if rows.mask is None else rows.mask + bias
        return lambda joined: self._attended(joined, rows, mask)


class RotaryAttention(PlainAttention):
    """ModernBERT's: queries and keys are turned by angles that grow with the position, pair of numbers by pair."""

    def __init__(self, heads: int, size: int, rotation: Rotation, device: torch.device) -> None:
        """For heads of `size` numbers each."""
        super().__init__(heads)
        self._window = rotation.window
        self._speeds = rotation.base ** -(torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)

    @staticmethod
    def lay_out(weight: torch.Tensor, heads: int) -> torch.Tensor:
        """The weight `[3 * hidden, hidden]`, the pairs of queries and keys side by side; they lie half a head apart."""
        hidden = weight.shape[1]
        query_key = weight[: 2 * hidden].view(2, heads, 2, -1, hidden).transpose(2, 3)
        return torch.cat([query_key.reshape(2 * hidden, hidden), weight[2 * hidden :]])

    def over(self, rows: Rows) -> Attend:
        """For these rows."""
        angles = rows.positions[:, None] * self._speeds
        turns = torch.polar(torch.ones_like(angles), angles)[:, None, None]  # [kept, 1, 1, size / 2]

        def attend(joined: torch.Tensor) -> torch.Tensor:
            pairs = joined.view(len(joined), 3, self._heads, -1, 2)[:, :2]
            exact = pairs.float()  # it is the same where that is the number format
            torch.view_as_complex(exact).mul_(turns)
            if exact is not pairs:
                pairs.copy_(exact)
            return self._attended(joined, rows, mask)

        mask = self._mask(rows, self._window)
        return attend

    @staticmethod
    def _mask(rows: Rows, window: int | None) -> torch.Tensor | None:
        tokens = rows.shape[1]
        if window is None or tokens <= window + 1:
            return rows.mask
        places = torch.arange(tokens, device=rows.positions.device)
        is_far = (places[:, None] - places).abs() > window
        return is_far.logical_not() if rows.mask is None else rows.mask.masked_fill(is_far, -torch.inf)


class DisentangledAttention:
    """DeBERTa's: tokens attend to distances, and distances to tokens, in each layer by its own queries and keys."""

    def __init__(
        self,
        heads: int,
        distances: torch.Tensor,
        numbers: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
    ) -> None:
        """Of a table `[distances, hidden]`, the number in it of each distance, and the layer's joined weights."""
        query, key, _ = linear(distances, weight, bias).chunk(3, dim=1)
        size = query.shape[1] // heads
        self._heads, self._scale = heads, 1 / math.sqrt(3 * size)
        self._query, self._key = (part.view(-1, heads, size).transpose(0, 1) * self._scale for part in (query, key))
        self._numbers = numbers

    def over(self, rows: Rows) -> Attend:
        """For these rows."""
        near = nearest(self._numbers, rows.longest)
        queries = self._query[:, near].transpose(1, 2)  # [heads, size, distances]
        keys = self._key[:, near.flip(0)].transpose(1, 2)

        def attend(joined: torch.Tensor) -> torch.Tensor:
            query, key, value = rows.heads(joined, self._heads)
            bias = self._products(query, keys) + self._products(key, queries).transpose(2, 3)
            if rows.mask is not None:
                bias += rows.mask
            return rows.gather(scaled_dot_product_attention(query, key, value, bias, scale=self._scale))

        return attend

    @staticmethod
    def _products(vectors: torch.Tensor, distances: torch.Tensor) -> torch.Tensor:
        """`[rows, heads, tokens, tokens]`: of each token with the distance at which it sees each other one.

        A token sees itself one place further left than the token before it did, so that a view of all products is what
        is looked for. Beyond the distances, where the mask hides it, the view has products of other tokens.
        """
        rows, heads, tokens, _ = vectors.shape
        products = vectors.transpose(0, 1).flatten(1, 2) @ distances  # [heads, rows * tokens, distances]
        width = distances.shape[-1]
        strides = (tokens * width, rows * tokens * width, width - 1, 1)
        return products.as_strided((rows, heads, tokens, tokens), strides, width // 2)


def attentions(shape: EncoderShape, weights: Weights, joined: Joined) -> dict[str, Attention]:
    """Of each layer by its name; takes its tables out of `weights`, and lays out the `joined` ones as it needs them."""
    if shape.rotations:
        device, size = next(iter(joined.values()))[0].device, shape.hidden // shape.heads
        for name, (weight, bias) in joined.items():
            joined[name] = RotaryAttention.lay_out(weight, shape.heads), bias
        kinds = {kind: RotaryAttention(shape.heads, size, kind, device) for kind in set(shape.rotations)}
        return {name: kinds[kind] for name, kind in zip(joined, shape.rotations, strict=True)}
    family = shape.family
    if family.distances is None:
        return dict.fromkeys(joined, PlainAttention(shape.heads))
    table = weights.pop(f"{family.encoder}.{family.distances}.weight")
    reach = max(shape.positions, ROW_TOKENS) + STEP_TOKENS
    distances = torch.arange(1 - reach, reach)
    if family.attention == "distance bias":
        numbers = bias_numbers(distances, shape.buckets).to(table.device)
        return dict.fromkeys(joined, BiasedAttention(table[numbers].t().contiguous()))
    norm = f"{family.encoder}.{family.distances_norm}"
    scale_and_shift = weights.pop(f"{norm}.weight"), weights.pop(f"{norm}.bias")
    table = layer_norm(table, table.shape[1:], *scale_and_shift, shape.norm_epsilon)
    numbers = bucket_numbers(distances, shape.buckets).to(table.device)
    return {name: DisentangledAttention(shape.heads, table, numbers, *parts) for name, parts in joined.items()}
