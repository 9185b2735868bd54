"""The forward pass of BERT and RoBERTa classifiers: what transformers computes, less what no label depends on.

The label is read from a text's first token, so after the last attention only these tokens are computed: that saves an
eighth of all products of six layers, a sixteenth of twelve. Query, key and value are one product. On a CPU, padding
is computed within the attention only: in windows of a few texts it is a sixth of all tokens. The scores stay the same.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn.functional import embedding, layer_norm, pad, scaled_dot_product_attention

from worker.model import prepacked_linear
from worker.model.checkpoint import BertShape, Weights
from worker.model.classifier import Classifier
from worker.model.linear import Activation, Linear, PlainLinear
from worker.model.packing import ROW_TOKENS, Inputs

_FULL_ENOUGH = 15 / 16  # tokens are moved about in every layer, which costs as much as a little padding

_MakeLinear = Callable[..., Linear]


class _Norm:
    def __init__(self, weights: Weights, name: str, epsilon: float) -> None:
        self._weight, self._bias = weights.pop(f"{name}.weight"), weights.pop(f"{name}.bias")
        self._epsilon = epsilon

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        return layer_norm(hidden, self._weight.shape, self._weight, self._bias, self._epsilon)


class _Layer:
    """`[tokens, hidden]` to the same."""

    def __init__(self, shape: BertShape, weights: Weights, name: str, make_linear: _MakeLinear) -> None:
        def taken(part: str, activation: Activation = "none") -> Linear:
            return _taken(weights, f"{name}.{part}", make_linear, activation)

        self._heads = shape.heads
        self._joined = make_linear(*_joined(weights, f"{name}.attention.self"))
        self._projection = taken("attention.output.dense")
        self._attention_norm = _Norm(weights, f"{name}.attention.output.LayerNorm", shape.norm_epsilon)
        self._intermediate = taken("intermediate.dense", shape.activation)  # type: ignore[arg-type]
        self._output = taken("output.dense")
        self._norm = _Norm(weights, f"{name}.output.LayerNorm", shape.norm_epsilon)

    def attend(self, hidden: torch.Tensor, rows: "_Rows") -> torch.Tensor:
        """What each token gathers from those of its row that the mask leaves."""
        size = hidden.shape[-1]
        joined = rows.spread(self._joined(hidden))
        query, key, value = joined.view(*rows.shape, 3, self._heads, size // self._heads).permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(query, key, value, rows.mask)
        return rows.gather(attended.transpose(1, 2).reshape(-1, size))

    def finish(self, attended: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """What a layer does after the attention, each token for itself."""
        hidden = self._attention_norm(self._projection.plus(attended, hidden))
        return self._norm(self._output.plus(self._intermediate(hidden), hidden))


class BertLogits:
    """Computes such a classifier, several texts a row."""

    def __init__(self, shape: BertShape, weights: Weights) -> None:
        """Take the weights over, on their device and in their number format; `weights` is empty afterwards.

        Rows had better be a multiple of `step_tokens` wide; as many first tokens are computed together.
        """
        self.step_tokens = 1
        make_linear: _MakeLinear = PlainLinear
        words, positions, types = (weights.pop(name) for name in shape.embeddings())
        if prepacked_linear.is_faster(words.device, words.dtype):
            make_linear, self.step_tokens = prepacked_linear.PrepackedLinear, prepacked_linear.STEP_TOKENS
        self._words = words.add_(types[0])  # a text is of one part
        self._position_table = positions
        self._padding = None if shape.kind == "bert" else shape.pad_id
        self.positions = len(positions) - (0 if self._padding is None else self._padding + 1)
        self._norm = _Norm(weights, f"{shape.encoder}.embeddings.LayerNorm", shape.norm_epsilon)
        names = (f"{shape.encoder}.encoder.layer.{number}" for number in range(shape.layers))
        *self._layers, self._last = (_Layer(shape, weights, name, make_linear) for name in names)
        self._dense, self._classifier = (_taken(weights, name, make_linear) for name in shape.head)

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """`[texts, labels]`."""
        ids, positions, starts = inputs.ids.flatten(), self._positions(inputs).flatten(), inputs.starts
        kept = self._kept(inputs)
        if kept is not None:
            ids, positions, starts = ids[kept], positions[kept], torch.searchsorted(kept, starts)
        hidden = self._norm(embedding(ids, self._words) + embedding(positions, self._position_table))
        rows = _Rows(inputs.ids.shape, kept, None if inputs.is_full else _mask(inputs.texts, hidden.dtype))
        for layer in self._layers:
            hidden = layer.finish(layer.attend(hidden, rows), hidden)
        attended = self._last.attend(hidden, rows)
        texts = len(starts)
        starts = pad(starts, (0, -texts % self.step_tokens))
        firsts = self._last.finish(attended[starts], hidden[starts])
        return self._classifier(self._dense(firsts).tanh())[:texts]

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


class _Rows(NamedTuple):
    """The rows in which tokens attend to each other; all else is done to each of the `kept` tokens for itself."""

    shape: torch.Size
    kept: torch.Tensor | None
    mask: torch.Tensor | None

    def spread(self, tokens: torch.Tensor) -> torch.Tensor:
        """`[rows * tokens, size]` of `[kept, size]`; zeros are the padding."""
        if self.kept is None:
            return tokens
        return tokens.new_zeros(self.shape.numel(), tokens.shape[1]).index_copy_(0, self.kept, tokens)

    def gather(self, tokens: torch.Tensor) -> torch.Tensor:
        """The way back."""
        return tokens if self.kept is None else tokens[self.kept]


def bert_classifier(shape: BertShape, weights: Weights) -> Classifier:
    """One of BERT's kind; `weights` is empty afterwards."""
    logits = BertLogits(shape, weights)
    return Classifier(
        logits=logits,
        labels=shape.labels,
        pad_id=shape.pad_id,
        positions=logits.positions,
        matrix_weights=sum(inputs * outputs for _, inputs, outputs in shape.linear_sizes()),
        row_tokens=ROW_TOKENS,
        step_tokens=logits.step_tokens,
    )


def _mask(texts: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What is added to the products of query and key; attention would make it of a mask of booleans in each layer."""
    are_apart = texts[:, None, :, None] != texts[:, None, None, :]
    return torch.zeros_like(are_apart, dtype=dtype).masked_fill_(are_apart, -torch.inf)


def _taken(weights: Weights, name: str, make_linear: _MakeLinear, activation: Activation = "none") -> Linear:
    return make_linear(weights.pop(f"{name}.weight"), weights.pop(f"{name}.bias"), activation)


def _joined(weights: Weights, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Query, key and value in one."""
    parts = [f"{name}.{part}" for part in ("query", "key", "value")]
    weight = torch.cat([weights.pop(f"{part}.weight") for part in parts])
    return weight, torch.cat([weights.pop(f"{part}.bias") for part in parts])
