"""Tiny classifiers of nearly every architecture that transformers knows: its own classes with random weights."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from tests.harness.tiny_model import LABELS

POSITIONS = 128
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789!?.,'@#:/-"
_SPECIAL = ("<pad>", "</s>", "<unk>", "<s>", "<cls>", "<sep>")
_PAD, _END, _UNKNOWN, _BEGIN, _CLS, _SEP = range(len(_SPECIAL))
_VOCABULARY = [*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS)]

# Under whatever name a configuration has it.
_SIZES: dict[str, Any] = {
    **dict.fromkeys(("vocab_size", "n_vocab"), 128),
    **dict.fromkeys(("hidden_size", "d_model", "dim", "n_embd", "emb_dim", "embedding_size", "word_embed_dim"), 32),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "d_ff", "d_inner", "ffn_dim", "dff", "n_inner"), 64),
    **dict.fromkeys(("ffn_hidden_size", "encoder_ffn_dim", "decoder_ffn_dim", "moe_intermediate_size"), 64),
    **dict.fromkeys(("num_hidden_layers", "n_layers", "n_layer", "num_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_decoder_layers", "num_local_experts", "num_experts", "n_routed_experts"), 2),
    **dict.fromkeys(("num_attention_heads", "n_heads", "n_head", "num_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads",), 4),
    **dict.fromkeys(("num_key_value_heads", "num_experts_per_tok"), 2),
    **dict.fromkeys(("head_dim", "d_head", "d_kv"), 8),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"), POSITIONS),
    "initializer_range": 0.3,
}
_LATENT = {"head_dim": None, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8, "kv_lora_rank": 8}
# Where these sizes do not fit together.
_OWN: Mapping[str, Mapping[str, Any]] = {
    "deepseek_v2": _LATENT | {"q_lora_rank": 8, "num_key_value_heads": 4},
    "deepseek_v3": _LATENT | {"q_lora_rank": 8, "num_key_value_heads": 4, "n_group": 1, "topk_group": 1},
    "falcon": {"head_dim": None},
    "funnel": {"num_hidden_layers": None, "block_sizes": [2, 2]},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 4},
    "lilt": {"hidden_size": 48},
    "longformer": {"attention_window": 16},
    "luke": {"entity_vocab_size": 8, "entity_emb_size": 8},
    "reformer": {"axial_pos_embds_dim": [16, 16], "axial_pos_shape": [8, 16], "hash_seed": 7},
    "xlnet": {"max_position_embeddings": None},
    **{kind: {"pad_index": _PAD} for kind in ("flaubert", "xlm")},
    **{kind: {"decoder_start_token_id": _PAD} for kind in ("mt5", "t5", "umt5")},
}
_CAUSAL_BY_NAME = ("ctrl", "openai-gpt")


def tiny_config(kind: str, **options: Any) -> PretrainedConfig:
    """Of this `model_type`, with few and narrow layers."""
    made = CONFIG_MAPPING[kind]
    default = made()
    sizes = {name: size for name, size in _SIZES.items() if hasattr(default, name)}
    tokens = {"pad_token_id": _PAD, "eos_token_id": _END, "bos_token_id": _BEGIN}
    values = {**sizes, "id2label": dict(enumerate(LABELS)), **tokens, **_OWN.get(kind, {}), **options}
    return made(**{name: value for name, value in values.items() if value is not None or name in options})


def write_architecture(folder: Path, kind: str, tokenizer: Mapping[str, Any] | None = None, **options: Any) -> Path:
    """Write a classifier of this `model_type` with a tokenizer that spells words letter by letter."""
    torch.manual_seed(7)
    made: Any = AutoModelForSequenceClassification
    model = made.from_config(tiny_config(kind, **options))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.Embedding):
                module.weight.normal_(std=0.3)  # padding, too: in a trained model it is not zero
            elif isinstance(module, torch.nn.Linear):
                module.weight.normal_(std=0.3)
    model.save_pretrained(folder)
    write_tokenizer(folder, model, **(tokenizer or {}))
    return folder


def write_tokenizer(folder: Path, model: PreTrainedModel, **options: Any) -> None:
    """Write a tokenizer for it that puts around a text what models of its kind get."""
    made = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(_VOCABULARY)}, unk_token="<unk>"))  # noqa: S106
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    template, added = _template(model)
    made.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[(_SPECIAL[number], number) for number in added]
    )
    named = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "model_max_length": POSITIONS - 8}
    takes = inspect.signature(type(model).forward).parameters
    names = ["input_ids", *(["token_type_ids"] if _has_types(model, takes) else []), "attention_mask"]
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        **{"model_input_names": names[: None if "attention_mask" in takes else -1]} | named | options,
    ).save_pretrained(folder)


def _has_types(model: PreTrainedModel, takes: Mapping[str, Any]) -> bool:
    return "token_type_ids" in takes and not _is_causal(model)


def _is_causal(model: PreTrainedModel) -> bool:
    return hasattr(model, "score") or model.config.model_type in _CAUSAL_BY_NAME


def _template(model: PreTrainedModel) -> tuple[str, tuple[int, ...]]:
    """What stands around a text, and the ids of it."""
    if model.config.model_type == "xlnet":
        return "$A:0 <sep>:0 <cls>:2", (_SEP, _CLS)
    if model.config.model_type == "funnel":
        return "<cls>:2 $A:0 <sep>:0", (_CLS, _SEP)
    if model.config.is_encoder_decoder:
        return "$A </s>", (_END,)
    return ("<s> $A", (_BEGIN,)) if _is_causal(model) else ("<cls> $A <sep>", (_CLS, _SEP))
