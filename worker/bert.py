"""The forward pass of BERT and RoBERTa classifiers: what transformers computes, less what no label depends on.

The label is read from a text's first token, so after the last attention only these tokens are computed: that saves an
eighth of all products of six layers, a sixteenth of twelve. Query, key and value are one product. The scores stay
the same.
"""

from collections.abc import Iterable
from typing import cast

import torch
from torch.nn import Parameter
from torch.nn.functional import linear, scaled_dot_product_attention
from transformers import (
    BertForSequenceClassification,
    PreTrainedModel,
    RobertaForSequenceClassification,
    XLMRobertaForSequenceClassification,
)
from transformers.models.bert.modeling_bert import BertLayer, BertModel

from worker.packing import Inputs

_KINDS = (BertForSequenceClassification, RobertaForSequenceClassification, XLMRobertaForSequenceClassification)


def takes(model: PreTrainedModel) -> bool:
    """Whether this is a classifier of the kinds meant here, and not one that is part of a decoder."""
    return isinstance(model, _KINDS) and not model.config.is_decoder


class BertLogits:
    """Calls such a classifier, several texts a row."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Join the weights of each layer's query, key and value; the model's own become views of them."""
        self._encoder = cast("BertModel", model.base_model)  # the others have its layout
        self._head = cast("BertForSequenceClassification", model).classifier
        self._heads: int = model.config.num_attention_heads
        layers = cast("Iterable[BertLayer]", self._encoder.encoder.layer)
        *self._layers, self._last = [(layer, *_joined(layer)) for layer in layers]

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """`[texts, labels]`."""
        hidden = self._encoder.embeddings(inputs.ids, position_ids=self._positions(inputs))
        mask = None if inputs.is_full else inputs.texts[:, None, :, None] == inputs.texts[:, None, None, :]
        for layer, weight, bias in self._layers:
            hidden = _finish(layer, self._attend(hidden, weight, bias, mask), hidden)
        layer, weight, bias = self._last
        attended = self._attend(hidden, weight, bias, mask)
        firsts = _finish(layer, attended.flatten(0, 1)[inputs.starts], hidden.flatten(0, 1)[inputs.starts])
        rows = firsts[:, None]  # pooler, or RoBERTa's head, takes the first token of each
        logits: torch.Tensor = self._head(self._encoder.pooler(rows) if self._encoder.pooler else rows)
        return logits

    def _positions(self, inputs: Inputs) -> torch.Tensor:
        padding = self._encoder.embeddings.position_embeddings.padding_idx
        if padding is None:
            return inputs.positions
        # RoBERTa counts from behind the padding index, and skips padding that a text itself names ("<pad>").
        counted = ((inputs.ids != padding) & (inputs.texts > 0)).long()
        running = counted.cumsum(dim=1)
        begins = torch.arange(inputs.ids.shape[1], device=inputs.ids.device) - inputs.positions
        return padding + counted * (running - (running - counted).gather(1, begins))

    def _attend(
        self, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        rows, tokens, size = hidden.shape
        joined = linear(hidden, weight, bias).view(rows, tokens, 3, self._heads, size // self._heads)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        return scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).reshape(rows, tokens, size)


def _finish(layer: BertLayer, attended: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """What a layer does after the attention, each token for itself."""
    hidden = layer.attention.output(attended, hidden)
    finished: torch.Tensor = layer.output(layer.intermediate(hidden), hidden)
    return finished


def _joined(layer: BertLayer) -> tuple[torch.Tensor, torch.Tensor]:
    attention = layer.attention.self
    parts = (attention.query, attention.key, attention.value)
    weight = torch.cat([part.weight.detach() for part in parts])
    bias = torch.cat([part.bias.detach() for part in parts])
    for part, own in zip(parts, weight.chunk(3), strict=True):
        part.weight = Parameter(own, requires_grad=False)  # else they would be held twice
    return weight, bias
