"""The forward pass of encoders with a classifier: what transformers computes, less what no label depends on.

Where the label is read from a text's first token, only these tokens are computed after the last attention: that saves
an eighth of all products of six layers, a sixteenth of twelve. Query, key and value are one product. On a CPU, padding
is computed within the attention only: in windows of a few texts it is a sixth of all tokens. The scores stay the same.
"""

from collections.abc import Callable

import torch
from torch.nn.functional import embedding, pad

from worker.model import prepacked_linear
from worker.model.attention import Attention, Joined, Rows, attentions
from worker.model.checkpoint import Weights
from worker.model.classifier import Classifier
from worker.model.encoder_parts import Parts, unchanged
from worker.model.encoder_shape import EncoderShape
from worker.model.linear import Linear, PlainLinear
from worker.model.packing import ROW_TOKENS, Inputs

_FULL_ENOUGH = 15 / 16  # tokens are moved about in every layer, which costs as much as a little padding

_Map = Callable[[torch.Tensor], torch.Tensor]


class _Layer:
    """`[tokens, hidden]` to the same."""

    def __init__(self, shape: EncoderShape, parts: Parts, name: str, attention: Attention, joined: Linear) -> None:
        names, activation = shape.family.names, shape.activation
        self._is_norm_first = shape.family.is_norm_first
        self.attention, self._joined = attention, joined
        self._projection = parts.linear(f"{name}.{names.projection}")
        has_norm = not shape.has_no_attention_norm(name)
        self._attention_norm: _Map = parts.norm(f"{name}.{names.attention_norm}") if has_norm else unchanged
        make = parts.gated if shape.family.is_gated else parts.linear
        self._intermediate: _Map = make(f"{name}.{names.intermediate}", activation)
        self._output = parts.linear(f"{name}.{names.output}")
        self._norm = parts.norm(f"{name}.{names.norm}")

    def joined(self, hidden: torch.Tensor) -> torch.Tensor:
        """Query, key and value, `[tokens, 3 * hidden]`."""
        return self._joined(self._attention_norm(hidden) if self._is_norm_first else hidden)

    def finish(self, attended: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """What a layer does after the attention, each token for itself."""
        hidden = self._projection.plus(attended, hidden)
        if self._is_norm_first:
            return self._output.plus(self._intermediate(self._norm(hidden)), hidden)
        hidden = self._attention_norm(hidden)
        return self._norm(self._output.plus(self._intermediate(hidden), hidden))


class EncoderLogits:
    """Computes such a classifier, several texts a row."""

    def __init__(self, shape: EncoderShape, weights: Weights) -> None:
        """Take the weights over, on their device and in their number format; `weights` is empty afterwards.

        Rows had better be a multiple of `step_tokens` wide; as many first tokens are computed together.
        """
        family, self.step_tokens = shape.family, 1
        make_linear: Callable[..., Linear] = PlainLinear
        self._words = weights.pop(f"{family.encoder}.{family.words}.weight")
        if prepacked_linear.is_faster(self._words.device, self._words.dtype):
            make_linear, self.step_tokens = prepacked_linear.PrepackedLinear, prepacked_linear.STEP_TOKENS
        if family.types:
            self._words.add_(weights.pop(f"{family.encoder}.{family.types}.weight")[0])  # a text is of one part
        self._position_table = weights.pop(f"{family.encoder}.{family.positions}.weight") if family.positions else None
        self._padding = shape.pad_id if family.skips_padding else None
        self.positions = shape.positions - (0 if self._padding is None else self._padding + 1)
        parts = Parts(shape, weights, make_linear)
        self._norm = parts.norm(f"{family.encoder}.{family.embedding_norm}")
        projection = f"{family.encoder}.{family.embedding_projection}" if shape.projects else None
        self._embedding_projection: _Map = parts.linear(projection) if projection else unchanged
        *self._layers, self._last = _layers(shape, weights, parts)
        self._attentions = {layer.attention for layer in [*self._layers, self._last]}
        self._pools_mean = shape.pools_mean
        final = f"{family.encoder}.{family.final_norm}" if family.final_norm else None
        self._final_norm: _Map = parts.norm(final) if final else unchanged
        self._dense = parts.linear(family.dense, family.dense_activation)
        self._dense_norm: _Map = parts.norm(family.dense_norm) if family.dense_norm else unchanged
        self._classifier = parts.linear(family.classifier)

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """`[texts, labels]`."""
        ids, positions, starts = inputs.ids.flatten(), self._positions(inputs).flatten(), inputs.starts
        kept = self._kept(inputs)
        if kept is not None:
            ids, positions, starts = ids[kept], positions[kept], torch.searchsorted(kept, starts)
        hidden = self._embedded(ids, positions)
        mask = None if inputs.is_full else _mask(inputs.texts, hidden.dtype)
        rows = Rows(inputs.ids.shape, kept, positions, _longest(inputs), mask)
        attend = {attention: attention.over(rows) for attention in self._attentions}
        for layer in self._layers:
            hidden = layer.finish(attend[layer.attention](layer.joined(hidden)), hidden)
        attended = attend[self._last.attention](self._last.joined(hidden))
        more = -len(starts) % self.step_tokens
        if self._pools_mean:
            hidden = self._final_norm(self._last.finish(attended, hidden))
            pooled = pad(
                _means(hidden, None if kept is not None else inputs.texts.flatten() > 0, starts), (0, 0, 0, more)
            )
        else:
            firsts = pad(starts, (0, more))
            pooled = self._final_norm(self._last.finish(attended[firsts], hidden[firsts]))
        return self._classifier(self._dense_norm(self._dense(pooled)))[: len(starts)]

    def _embedded(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        hidden = embedding(ids, self._words)
        if self._position_table is not None:
            hidden += embedding(positions, self._position_table)
        return self._embedding_projection(self._norm(hidden))

    def _kept(self, inputs: Inputs) -> torch.Tensor | None:
        """Places of the tokens that are computed, all rows one after the other; None: padding is computed, too.

        That is left where sizes are best met again (steps of tokens), and where to look would wait for the device.
        """
        if inputs.is_full or self.step_tokens > 1 or inputs.texts.device.type != "cpu":
            return None
        kept = inputs.texts.flatten().nonzero().squeeze(1)
        return kept if len(kept) < _FULL_ENOUGH * inputs.texts.numel() else None

    def _positions(self, inputs: Inputs) -> torch.Tensor:
        padding = self._padding
        if padding is None:
            return inputs.positions
        # RoBERTa counts from behind the padding index, and skips padding that a text itself names ("<pad>").
        counted = ((inputs.ids != padding) & (inputs.texts > 0)).long()
        running = counted.cumsum(dim=1)
        begins = torch.arange(inputs.ids.shape[1], device=inputs.ids.device) - inputs.positions
        return padding + counted * (running - (running - counted).gather(1, begins))


def encoder_classifier(shape: EncoderShape, weights: Weights) -> Classifier:
    """One of a known family; `weights` is empty afterwards."""
    logits = EncoderLogits(shape, weights)
    return Classifier(
        logits=logits,
        labels=shape.labels,
        pad_id=shape.pad_id,
        positions=logits.positions,
        matrix_weights=sum(inputs * outputs for _, inputs, outputs in shape.linear_sizes()),
        row_tokens=ROW_TOKENS,
        step_tokens=logits.step_tokens,
    )


def _layers(shape: EncoderShape, weights: Weights, parts: Parts) -> list[_Layer]:
    """In the order of their use; what is used twice is made once."""
    names = shape.family.names.query_key_value
    joined: Joined = {
        layer: parts.weights(*(f"{layer}.{name}" for name in names)) for layer in dict.fromkeys(shape.layers)
    }
    kinds = attentions(shape, weights, joined)
    made = {
        name: _Layer(shape, parts, name, kind, parts.make_linear(*joined.pop(name))) for name, kind in kinds.items()
    }
    return [made[name] for name in shape.layers]


def _longest(inputs: Inputs) -> int:
    """Tokens that no text has more of; to look at them would wait for a device other than the CPU."""
    is_near = inputs.texts.device.type == "cpu"
    return int(inputs.positions.max()) + 1 if is_near else inputs.ids.shape[1]


def _mask(texts: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What is added to the products of query and key; attention would make it of a mask of booleans in each layer."""
    are_apart = texts[:, None, :, None] != texts[:, None, None, :]
    return torch.zeros_like(are_apart, dtype=dtype).masked_fill_(are_apart, -torch.inf)


def _means(hidden: torch.Tensor, is_text: torch.Tensor | None, starts: torch.Tensor) -> torch.Tensor:
    """`[texts, hidden]`: of the tokens of each text; `is_text` tells them from padding, None: there is none.

    Not by a product with zeros for the tokens of others: zero times NaN would cost the neighbours of a text.
    """
    numbers = torch.searchsorted(starts, torch.arange(len(hidden), device=hidden.device), right=True)
    if is_text is not None:
        numbers *= is_text
    tokens = hidden.new_zeros(len(starts) + 1, dtype=torch.float32)
    tokens.index_add_(0, numbers, torch.ones_like(numbers, dtype=torch.float32))
    sums = hidden.new_zeros(len(tokens), hidden.shape[1], dtype=torch.float32).index_add_(0, numbers, hidden.float())
    return (sums[1:] / tokens[1:, None]).to(hidden.dtype)
