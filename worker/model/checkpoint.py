"""Reads a classifier of BERT's kind from its files, in a fraction of the time and memory that transformers takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors import SafetensorError, safe_open

from schemas.problem_type import problem_type_of

_PADDING_IDS = {"bert": 0, "roberta": 1, "xlm-roberta": 1}  # where config.json names none
_ACTIVATIONS = ("gelu", "relu")

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class BertShape:
    """What config.json says of such a classifier, as far as its scores depend on it."""

    kind: str
    labels: dict[int, str]
    layers: int
    heads: int
    hidden: int
    intermediate: int
    activation: str
    norm_epsilon: float
    pad_id: int
    rows: tuple[int, int, int]  # of the tables of embeddings: words, positions, types

    @property
    def encoder(self) -> str:
        """What the names of the encoder's weights begin with."""
        return "bert" if self.kind == "bert" else "roberta"

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "BertShape | None":
        """From a config.json; None if it is of another kind, or says anything that the scores would depend on, too."""
        kind = str(config.get("model_type"))
        if kind not in _PADDING_IDS:
            return None
        shape = cls(
            kind=kind,
            labels=_labels(config),
            layers=config.get("num_hidden_layers", 12),
            heads=config.get("num_attention_heads", 12),
            hidden=config.get("hidden_size", 768),
            intermediate=config.get("intermediate_size", 3072),
            activation=config.get("hidden_act", "gelu"),
            norm_epsilon=config.get("layer_norm_eps", 1e-12),
            pad_id=config.get("pad_token_id", _PADDING_IDS[kind]) or 0,
            rows=(config["vocab_size"], config["max_position_embeddings"], config["type_vocab_size"]),
        )
        is_served = (
            problem_type_of(config.get("problem_type"), len(shape.labels)) is not None
            and sorted(shape.labels) == list(range(len(shape.labels)))
            and config.get("position_embedding_type", "absolute") == "absolute"
            and shape.activation in _ACTIVATIONS
            and shape.heads > 0
            and shape.hidden % shape.heads == 0
            and not any(config.get(name) for name in ("is_decoder", "add_cross_attention", "quantization_config"))
        )
        return shape if is_served else None

    @property
    def head(self) -> tuple[str, str]:
        """Names of the two linear layers behind the encoder."""
        if self.kind == "bert":
            return "bert.pooler.dense", "classifier"
        return "classifier.dense", "classifier.out_proj"

    def linear_sizes(self) -> Iterator[tuple[str, int, int]]:
        """Name, inputs and outputs of each linear layer."""
        for layer in range(self.layers):
            start = f"{self.encoder}.encoder.layer.{layer}."
            for part in ("self.query", "self.key", "self.value", "output.dense"):
                yield f"{start}attention.{part}", self.hidden, self.hidden
            yield f"{start}intermediate.dense", self.hidden, self.intermediate
            yield f"{start}output.dense", self.intermediate, self.hidden
        dense, classifier = self.head
        yield dense, self.hidden, self.hidden
        yield classifier, self.hidden, len(self.labels)

    def embeddings(self) -> Iterator[str]:
        """Name of each table of embeddings."""
        return (f"{self.encoder}.embeddings.{name}_embeddings.weight" for name in ("word", "position", "token_type"))

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Size of each of its weights by name."""
        sizes: dict[str, tuple[int, ...]] = {
            name: (rows, self.hidden) for name, rows in zip(self.embeddings(), self.rows, strict=True)
        }
        for name in self._norms():
            sizes |= {f"{name}.weight": (self.hidden,), f"{name}.bias": (self.hidden,)}
        for name, inputs, outputs in self.linear_sizes():
            sizes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
        return sizes

    def _norms(self) -> Iterator[str]:
        yield f"{self.encoder}.embeddings.LayerNorm"
        for layer in range(self.layers):
            yield f"{self.encoder}.encoder.layer.{layer}.attention.output.LayerNorm"
            yield f"{self.encoder}.encoder.layer.{layer}.output.LayerNorm"


def read_bert(folder: Path, device: torch.device, dtype: torch.dtype) -> tuple[BertShape, Weights] | None:
    """The classifier's shape and its weights on the device; None if it is of another kind, or not plainly all there.

    What is not, transformers can tell better: it knows the names of older weights, and says what is missing.
    """
    try:
        shape = BertShape.of(orjson.loads((folder / "config.json").read_bytes()))
        if shape is None or (folder / "adapter_config.json").exists():
            return None
        with safe_open(folder / "model.safetensors", framework="pt") as file:
            sizes = shape.sizes()
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            if not sizes.items() <= found.items():
                return None
            weights = {name: file.get_tensor(name).to(device, dtype) for name in sizes}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, SafetensorError):
        return None
    return shape, weights


def _labels(config: Mapping[str, Any]) -> dict[int, str]:
    names = config.get("id2label")
    if names is None:
        return {number: f"LABEL_{number}" for number in range(config.get("num_labels", 2))}
    return {int(number): str(name) for number, name in names.items()}
