"""The families of encoders: what each calls its weights, and what sets it apart from BERT."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from worker.model.linear import Activation

Attention = Literal["plain", "distance bias", "disentangled", "rotary"]


@dataclass(frozen=True)
class LayerNames:
    """What the parts of a layer are called; by default as BERT does."""

    query_key_value: tuple[str, ...] = ("attention.self.query", "attention.self.key", "attention.self.value")
    projection: str = "attention.output.dense"
    attention_norm: str = "attention.output.LayerNorm"
    intermediate: str = "intermediate.dense"
    output: str = "output.dense"
    norm: str = "output.LayerNorm"


@dataclass(frozen=True)
class Family:
    """What a family does and config.json does not say.

    Names of the encoder's parts go on from `encoder`; None: it has no such part. `layer` is named by its number, or by
    its group and its number in there. `dense` and `classifier` are the head's. `config_names` are the family's own
    words for settings that others call alike. Of a setting in `served` we compute these values only. Embeddings of the
    layers' own size are not projected, but where a family `projects_always`. `norm_epsilon` is that of a family whose
    config.json names none.
    """

    encoder: str
    words: str = "embeddings.word_embeddings"
    positions: str | None = "embeddings.position_embeddings"
    types: str | None = "embeddings.token_type_embeddings"
    embedding_norm: str = "embeddings.LayerNorm"
    embedding_projection: str | None = None
    distances: str | None = None
    distances_norm: str | None = None
    layer: str = "encoder.layer.{number}"
    names: LayerNames = field(default_factory=LayerNames)
    final_norm: str | None = None
    dense: str = "classifier.dense"
    dense_activation: Activation = "tanh"
    dense_norm: str | None = None
    classifier: str = "classifier.out_proj"
    attention: Attention = "plain"
    has_biases: bool = True
    is_gated: bool = False
    is_norm_first: bool = False
    projects_always: bool = False
    skips_padding: bool = False
    norm_epsilon: float | None = None
    config_names: Mapping[str, str] = field(default_factory=dict)
    served: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


_DISTILBERT_SETTINGS = {
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
    "hidden_size": "dim",
    "intermediate_size": "hidden_dim",
    "hidden_act": "activation",
}
_BERT = Family("bert", dense="bert.pooler.dense", classifier="classifier")
_ROBERTA = Family("roberta", skips_padding=True)

FAMILIES = {
    "bert": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Family("electra", embedding_projection="embeddings_project", dense_activation="gelu"),
    "distilbert": Family(
        "distilbert",
        types=None,
        layer="transformer.layer.{number}",
        names=LayerNames(
            query_key_value=("attention.q_lin", "attention.k_lin", "attention.v_lin"),
            projection="attention.out_lin",
            attention_norm="sa_layer_norm",
            intermediate="ffn.lin1",
            output="ffn.lin2",
            norm="output_layer_norm",
        ),
        dense="pre_classifier",
        dense_activation="relu",
        classifier="classifier",
        norm_epsilon=1e-12,
        config_names=_DISTILBERT_SETTINGS,
        served=dict.fromkeys(_DISTILBERT_SETTINGS, (None,)) | {"layer_norm_eps": (None, 1e-12)},
    ),
    "mpnet": Family(
        "mpnet",
        types=None,
        distances="encoder.relative_attention_bias",
        names=LayerNames(
            query_key_value=("attention.attn.q", "attention.attn.k", "attention.attn.v"),
            projection="attention.attn.o",
            attention_norm="attention.LayerNorm",
        ),
        attention="distance bias",
        skips_padding=True,
        served={"pad_token_id": (1,), "relative_attention_num_buckets": (32,)},  # transformers reads neither
    ),
    "albert": Family(
        "albert",
        embedding_projection="encoder.embedding_hidden_mapping_in",
        layer="encoder.albert_layer_groups.{group}.albert_layers.{inner}",
        names=LayerNames(
            query_key_value=("attention.query", "attention.key", "attention.value"),
            projection="attention.dense",
            attention_norm="attention.LayerNorm",
            intermediate="ffn",
            output="ffn_output",
            norm="full_layer_layer_norm",
        ),
        dense="albert.pooler",
        classifier="classifier",
        projects_always=True,
    ),
    "modernbert": Family(
        "model",
        words="embeddings.tok_embeddings",
        positions=None,
        types=None,
        embedding_norm="embeddings.norm",
        layer="layers.{number}",
        names=LayerNames(
            query_key_value=("attn.Wqkv",),
            projection="attn.Wo",
            attention_norm="attn_norm",
            intermediate="mlp.Wi",
            output="mlp.Wo",
            norm="mlp_norm",
        ),
        final_norm="final_norm",
        dense="head.dense",
        dense_activation="gelu",
        dense_norm="head.norm",
        classifier="classifier",
        attention="rotary",
        has_biases=False,
        is_gated=True,
        is_norm_first=True,
        config_names={"hidden_act": "hidden_activation", "layer_norm_eps": "norm_eps"},
        served=dict.fromkeys(("attention_bias", "mlp_bias", "norm_bias", "classifier_bias"), (False,))
        | dict.fromkeys(("rope_scaling", "sliding_window", "head_dim"), (None,))
        | {"classifier_activation": ("gelu",), "classifier_pooling": ("cls", "mean")}
        | {"position_embedding_type": (None, "absolute", "sans_pos")},  # it reads none
    ),
    "deberta-v2": Family(
        "deberta",
        positions=None,
        types=None,
        distances="encoder.rel_embeddings",
        distances_norm="encoder.LayerNorm",
        names=LayerNames(
            query_key_value=("attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"),
        ),
        dense="pooler.dense",
        dense_activation="gelu",
        classifier="classifier",
        attention="disentangled",
        served={
            "relative_attention": (True,),
            "share_att_key": (True,),
            "pos_att_type": ("p2c|c2p", "c2p|p2c", ["p2c", "c2p"], ["c2p", "p2c"]),
            "norm_rel_ebd": ("layer_norm",),
            "position_biased_input": (False,),
            "type_vocab_size": (0,),
            "pooler_hidden_act": (None, "gelu"),
            "conv_kernel_size": (None, 0),
            "embedding_size": (None,),
            "attention_head_size": (None,),
        },
    ),
}
