"""BERT's forward pass for a classifier: what transformers computes, less what no label depends on.

The label is read from a text's first token, so after the last attention only these tokens are computed: that saves an
eighth of all products of six layers, a sixteenth of twelve. Query, key and value are one product. The scores stay
the same.
"""

from collections.abc import Iterable
from typing import TypeGuard, cast

import torch
from torch.nn import Parameter
from torch.nn.functional import linear, scaled_dot_product_attention
from transformers import BertForSequenceClassification, PreTrainedModel
from transformers.models.bert.modeling_bert import BertLayer, BertPooler

from worker.packing import Inputs


class BertLogits:
    """Calls a BERT classifier, several texts a row."""

    def __init__(self, model: BertForSequenceClassification) -> None:
        """Join the weights of each layer's query, key and value; the model's own become views of them."""
        self._model = model
        self._pooler = cast("BertPooler", model.bert.pooler)
        self._heads: int = model.config.num_attention_heads
        layers = cast("Iterable[BertLayer]", model.bert.encoder.layer)
        *self._layers, self._last = [(layer, *_joined(layer)) for layer in layers]

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """`[texts, labels]`."""
        hidden = self._model.bert.embeddings(inputs.ids, position_ids=inputs.positions)
        mask = None if inputs.is_full else inputs.texts[:, None, :, None] == inputs.texts[:, None, None, :]
        for layer, weight, bias in self._layers:
            hidden = _finish(layer, self._attend(hidden, weight, bias, mask), hidden)
        layer, weight, bias = self._last
        attended = self._attend(hidden, weight, bias, mask)
        firsts = _finish(layer, attended.flatten(0, 1)[inputs.starts], hidden.flatten(0, 1)[inputs.starts])
        logits: torch.Tensor = self._model.classifier(self._pooler(firsts[:, None]))  # it takes the first of each row
        return logits

    def _attend(
        self, hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        rows, tokens, size = hidden.shape
        joined = linear(hidden, weight, bias).view(rows, tokens, 3, self._heads, size // self._heads)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        return scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).reshape(rows, tokens, size)


def takes(model: PreTrainedModel) -> TypeGuard[BertForSequenceClassification]:
    """Whether this is the kind of BERT that is meant here, and not one that is part of a decoder."""
    return isinstance(model, BertForSequenceClassification) and not model.config.is_decoder


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
