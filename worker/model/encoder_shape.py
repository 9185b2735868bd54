"""What config.json says of an encoder with a classifier, as far as its scores depend on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.problem_type import problem_type_of
from worker.model.families import FAMILIES, Family
from worker.model.linear import Activation

_ACTIVATIONS = ("gelu", "gelu_new", "relu")
_SERVED: Mapping[str, tuple[Any, ...]] = {
    "position_embedding_type": (None, "absolute"),
    "is_decoder": (None, False),
    "add_cross_attention": (None, False),
    "quantization_config": (None,),
}


class Rotation(NamedTuple):
    """How a layer sees positions: turned by angles of this base, and only so many tokens away (None: all)."""

    base: float
    window: int | None


class Buckets(NamedTuple):
    """Distances have one of `each_way` numbers to the left and as many to the right.

    Larger ones share a number, up to `furthest`; None: each has its own, as far as there are any.
    """

    each_way: int
    furthest: int | None


@dataclass(frozen=True)
class EncoderShape:
    """Such a classifier. `layers` are their names: one that is used twice is named twice."""

    family: Family
    labels: dict[int, str]
    layers: tuple[str, ...]
    heads: int
    hidden: int
    intermediate: int
    embedding: int
    activation: Activation
    norm_epsilon: float
    pad_id: int
    words: int
    positions: int
    types: int
    pools_mean: bool
    rotations: tuple[Rotation, ...]
    buckets: Buckets

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "EncoderShape | None":
        """From a config.json; None if it says anything that we do not compute, or does not plainly say all."""
        try:
            return cls._of(config)
        except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
            return None

    @classmethod
    def _of(cls, config: Mapping[str, Any]) -> "EncoderShape | None":
        family = FAMILIES.get(str(config.get("model_type")))
        if family is None or any(
            config.get(name) not in values for name, values in {**_SERVED, **family.served}.items()
        ):
            return None
        said = dict(config) | {common: config[own] for common, own in family.config_names.items()}
        shape = cls(
            family=family,
            labels=_labels(said),
            layers=tuple(_layers(family, said)),
            heads=said["num_attention_heads"],
            hidden=said["hidden_size"],
            intermediate=said["intermediate_size"],
            embedding=said["embedding_size" if family.embedding_projection else "hidden_size"],
            activation=said["hidden_act"],
            norm_epsilon=family.norm_epsilon or float(said["layer_norm_eps"]),
            pad_id=(said["pad_token_id"] if family.skips_padding else said.get("pad_token_id")) or 0,
            words=said["vocab_size"],
            positions=said["max_position_embeddings"],
            types=said["type_vocab_size"] if family.types else 0,
            pools_mean=said.get("classifier_pooling") == "mean",
            rotations=tuple(_rotations(said)) if family.attention == "rotary" else (),
            buckets=_buckets(said),
        )
        return shape if shape.layers and shape._is_served(said) else None

    def _is_served(self, said: Mapping[str, Any]) -> bool:
        return (
            problem_type_of(said.get("problem_type"), len(self.labels)) is not None
            and sorted(self.labels) == list(range(len(self.labels)))
            and self.activation in _ACTIVATIONS
            and self.heads > 0
            and self.hidden % self.heads == 0
            and len(self.rotations) in (0, len(self.layers))
        )

    def tables(self) -> Iterator[tuple[str, int, int]]:
        """Name, rows and columns of each table of embeddings."""
        family = self.family
        rows = ((family.words, self.words), (family.positions, self.positions), (family.types, self.types))
        yield from ((f"{family.encoder}.{name}.weight", count, self.embedding) for name, count in rows if name)
        if family.distances:
            columns = self.heads if family.attention == "distance bias" else self.hidden
            yield f"{family.encoder}.{family.distances}.weight", 2 * self.buckets.each_way, columns

    def linear_sizes(self) -> Iterator[tuple[str, int, int]]:
        """Name, inputs and outputs of each linear layer, as often as it is used."""
        family, names = self.family, self.family.names
        if self.projects:
            yield f"{family.encoder}.{family.embedding_projection}", self.embedding, self.hidden
        for layer in self.layers:
            for part in names.query_key_value:
                yield f"{layer}.{part}", self.hidden, self.hidden * 3 // len(names.query_key_value)
            yield f"{layer}.{names.projection}", self.hidden, self.hidden
            yield f"{layer}.{names.intermediate}", self.hidden, self.intermediate * (2 if family.is_gated else 1)
            yield f"{layer}.{names.output}", self.intermediate, self.hidden
        yield family.dense, self.hidden, self.hidden
        yield family.classifier, self.hidden, len(self.labels)

    @property
    def projects(self) -> bool:
        """Whether embeddings are brought to the size of the layers."""
        return self.embedding != self.hidden or self.family.projects_always

    def norms(self) -> Iterator[tuple[str, int]]:
        """Name and size of each layer norm."""
        family, names = self.family, self.family.names
        yield f"{family.encoder}.{family.embedding_norm}", self.embedding
        for layer in self.layers:
            if not self.has_no_attention_norm(layer):
                yield f"{layer}.{names.attention_norm}", self.hidden
            yield f"{layer}.{names.norm}", self.hidden
        for name in (family.distances_norm, family.final_norm):
            if name:
                yield f"{family.encoder}.{name}", self.hidden
        if family.dense_norm:
            yield family.dense_norm, self.hidden

    def has_no_attention_norm(self, layer: str) -> bool:
        """Whether it is a first layer that begins with a norm: the embeddings have had theirs."""
        return self.family.is_norm_first and layer == self.layers[0]

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Size of each of its weights by name."""
        sizes: dict[str, tuple[int, ...]] = {name: (rows, columns) for name, rows, columns in self.tables()}
        for name, size in self.norms():
            sizes |= {f"{name}.weight": (size,)} | ({f"{name}.bias": (size,)} if self.family.has_biases else {})
        for name, inputs, outputs in self.linear_sizes():
            sizes[f"{name}.weight"] = (outputs, inputs)
            if self.family.has_biases or name == self.family.classifier:
                sizes[f"{name}.bias"] = (outputs,)
        return sizes


def _labels(said: Mapping[str, Any]) -> dict[int, str]:
    names = said.get("id2label")
    if names is None:
        return {number: f"LABEL_{number}" for number in range(said.get("num_labels", 2))}
    return {int(number): str(name) for number, name in names.items()}


def _layers(family: Family, said: Mapping[str, Any]) -> Iterator[str]:
    layers, groups = said["num_hidden_layers"], said.get("num_hidden_groups", 1)
    for number in range(layers):
        for inner in range(said.get("inner_group_num", 1)):
            name = family.layer.format(number=number, group=int(number / (layers / groups)), inner=inner)
            yield f"{family.encoder}.{name}"


def _rotations(said: Mapping[str, Any]) -> Iterator[Rotation]:
    """One for each layer. Older files have words of their own for it."""
    layers, every = said["num_hidden_layers"], said.get("global_attn_every_n_layers", 3)
    kinds = said.get("layer_types") or ["sliding_attention" if n % every else "full_attention" for n in range(layers)]
    turns = said.get("rope_parameters") or {
        "full_attention": {"rope_theta": said["global_rope_theta"], "rope_type": "default"},
        "sliding_attention": {"rope_theta": said["local_rope_theta"], "rope_type": "default"},
    }
    windows = {"full_attention": None, "sliding_attention": said["local_attention"] // 2}
    for kind in kinds[:layers]:
        if set(turns[kind]) != {"rope_theta", "rope_type"} or turns[kind]["rope_type"] != "default":
            raise ValueError(f"not computed here: {turns[kind]}")
        yield Rotation(float(turns[kind]["rope_theta"]), windows[kind])


def _buckets(said: Mapping[str, Any]) -> Buckets:
    """MPNet's 16 end at 128 tokens, whatever config.json says."""
    if said["model_type"] != "deberta-v2":
        return Buckets(16, 128)
    furthest = said["max_relative_positions"]
    furthest = furthest if furthest >= 1 else said["max_position_embeddings"]
    count = said.get("position_buckets", -1)
    return Buckets(count, furthest) if count > 0 else Buckets(furthest, None)
