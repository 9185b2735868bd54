"""The forward pass of BERT and RoBERTa classifiers: what transformers computes, less what no label depends on.

The label is read from a text's first token, so after the last attention only these tokens are computed: that saves an
eighth of all products of six layers, a sixteenth of twelve. Query, key and value are one product. On a CPU, padding
is computed within the attention only: in windows of a few texts it is a sixth of all tokens. The scores stay the same.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast

import torch
from torch.nn import Linear, Parameter
from torch.nn.functional import pad, scaled_dot_product_attention
from torch.nn.utils import skip_init
from transformers import (
    BertForSequenceClassification,
    PreTrainedModel,
    RobertaForSequenceClassification,
    XLMRobertaForSequenceClassification,
)
from transformers.models.bert.modeling_bert import BertLayer, BertModel, BertSelfAttention

from worker.model import prepacked_linear
from worker.model.packing import Inputs

_FULL_ENOUGH = 15 / 16  # tokens are moved about in every layer, which costs as much as a little padding
_KINDS = (BertForSequenceClassification, RobertaForSequenceClassification, XLMRobertaForSequenceClassification)


def supports(model: PreTrainedModel) -> bool:
    """Whether this is a classifier of the kinds meant here, and not one that is part of a decoder."""
    return isinstance(model, _KINDS) and not model.config.is_decoder


class BertLogits:
    """Calls such a classifier, several texts a row."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Take the model over: it can be called through this only from now on.

        Rows had better be a multiple of `step_tokens` wide; as many first tokens are computed together.
        """
        self._encoder = cast("BertModel", model.base_model)  # the others have its layout
        self._heads: int = model.config.num_attention_heads
        layers = cast("Iterable[BertLayer]", self._encoder.encoder.layer)
        for layer in layers:
            layer.attention.add_module("self", _joined(cast("BertSelfAttention", layer.attention.self)))
        self.step_tokens = 1
        if prepacked_linear.is_faster(model.device, model.dtype):
            prepacked_linear.prepack(model)
            self.step_tokens = prepacked_linear.STEP_TOKENS
        *self._layers, self._last = layers
        self._head = cast("BertForSequenceClassification", model).classifier

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """`[texts, labels]`."""
        ids, positions, starts = inputs.ids.flatten(), self._positions(inputs).flatten(), inputs.starts
        kept = self._kept(inputs)
        if kept is not None:
            ids, positions, starts = ids[kept], positions[kept], torch.searchsorted(kept, starts)
        hidden: torch.Tensor = self._encoder.embeddings(ids[None], position_ids=positions[None])[0]
        rows = _Rows(inputs.ids.shape, kept, None if inputs.is_full else _mask(inputs.texts, hidden.dtype))
        for layer in self._layers:
            hidden = _finish(layer, self._attend(layer, hidden, rows), hidden)
        attended = self._attend(self._last, hidden, rows)
        texts = len(starts)
        starts = pad(starts, (0, -texts % self.step_tokens))
        firsts = _finish(self._last, attended[starts], hidden[starts])[:, None]
        # The pooler, or RoBERTa's head, takes the first token of each.
        logits: torch.Tensor = self._head(self._encoder.pooler(firsts) if self._encoder.pooler else firsts)
        return logits[:texts]

    def _kept(self, inputs: Inputs) -> torch.Tensor | None:
        """Places of the tokens that are computed, all rows one after the other; None: padding is computed, too.

        That is left where sizes are best met again (steps of tokens), and where to look would wait for the device.
        """
        if inputs.is_full or self.step_tokens > 1 or inputs.texts.device.type != "cpu":
            return None
        kept = inputs.texts.flatten().nonzero().squeeze(1)
        return kept if len(kept) < _FULL_ENOUGH * inputs.texts.numel() else None

    def _positions(self, inputs: Inputs) -> torch.Tensor:
        padding = self._encoder.embeddings.position_embeddings.padding_idx
        if padding is None:
            return inputs.positions
        # RoBERTa counts from behind the padding index, and skips padding that a text itself names ("<pad>").
        counted = ((inputs.ids != padding) & (inputs.texts > 0)).long()
        running = counted.cumsum(dim=1)
        begins = torch.arange(inputs.ids.shape[1], device=inputs.ids.device) - inputs.positions
        return padding + counted * (running - (running - counted).gather(1, begins))

    def _attend(self, layer: BertLayer, hidden: torch.Tensor, rows: "_Rows") -> torch.Tensor:
        size = hidden.shape[-1]
        joined = rows.spread(layer.attention.self(hidden))
        query, key, value = joined.view(*rows.shape, 3, self._heads, size // self._heads).permute(2, 0, 3, 1, 4)
        attended = scaled_dot_product_attention(query, key, value, rows.mask)
        return rows.gather(attended.transpose(1, 2).reshape(-1, size))


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


def _finish(layer: BertLayer, attended: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """What a layer does after the attention, each token for itself."""
    hidden = layer.attention.output(attended, hidden)
    finished: torch.Tensor = layer.output(layer.intermediate(hidden), hidden)
    return finished


def _mask(texts: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What is added to the products of query and key; attention would make it of a mask of booleans in each layer."""
    are_apart = texts[:, None, :, None] != texts[:, None, None, :]
    return torch.zeros_like(are_apart, dtype=dtype).masked_fill_(are_apart, -torch.inf)


def _joined(attention: BertSelfAttention) -> Linear:
    """Query, key and value in one."""
    parts = (attention.query, attention.key, attention.value)
    size = attention.query.in_features
    joined: Linear = skip_init(Linear, size, sum(part.out_features for part in parts))  # type: ignore[no-untyped-call]
    joined.weight = Parameter(torch.cat([part.weight.detach() for part in parts]), requires_grad=False)
    joined.bias = Parameter(torch.cat([part.bias.detach() for part in parts]), requires_grad=False)
    return joined
