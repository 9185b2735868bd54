"""Reads a tokenizer from tokenizer.json alone, where transformers would make the same one of it.

transformers makes most tokenizers anew from their vocabulary and from what tokenizer_config.json says of the rest. It
takes seconds to load; so it is asked only where the file might say something else than it would.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from tokenizers import Tokenizer

from worker.model.spare_tokens import tokenizer_of
from worker.model.token_limits import known_limit
from worker.model.tokenizer_parts import normalizers_of, pre_tokenizers_of

Json = Mapping[str, Any]
_Steps = list[dict[str, Any]]
_Parts = tuple[_Steps, _Steps]

_AS_IT_IS = ("PreTrainedTokenizer", "TokenizersBackend")
# Of these kinds a tokenizer of that class stays as it is; of some others (qwen2) transformers makes one all the same.
_KEPT_AS_IT_IS = {"albert", "bert", "distilbert", "electra", "modernbert", "mpnet", "roberta", "xlm-roberta"}
_SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
# These have a meaning to transformers that is not looked at here.
_OTHER_OPTIONS = ("auto_map", "add_bos_token", "add_eos_token", "split_special_tokens", "max_len")


@dataclass(frozen=True)
class TokenizerFile:
    """A tokenizer, and what its folder says about it.

    `pads_left` and `cuts_left` say on which side texts that are short are padded, and texts that are long are cut.
    `gives_types` is whether the model is given a type for each token. `differing` is of how many built-in texts
    transformers would make other tokens.
    """

    tokenizer: Tokenizer
    max_tokens: int
    pad_token: str | None
    unknown_token: str | None
    pads_left: bool
    cuts_left: bool
    gives_types: bool
    differing: int = 0


@dataclass(frozen=True)
class _Kind:
    """A class of transformers that makes its tokenizer anew.

    `parts`, normalizers and pre-tokenizers, and `model` are what the class would make of a file with these normalizers;
    `ends` name the options with the tokens that it sets around a text, `defaults` what they and the others are where
    the config does not say.
    """

    defaults: dict[str, Any]
    ends: tuple[str, str]
    model: dict[str, Any]
    parts: Callable[[Json, _Steps], list[_Parts]]
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")


def read_tokenizer(folder: Path) -> TokenizerFile | None:
    """The tokenizer of a model folder; None if only transformers can tell what it is, or what is wrong with it."""
    try:
        content = (folder / "tokenizer.json").read_bytes()
        file, config = orjson.loads(content), _config(folder)
        name = str(config.get("tokenizer_class")).removesuffix("Fast")
        kind = None if name in _AS_IT_IS else _KINDS[name]
        config = (kind.defaults if kind else {}) | config
        if kind is None and config["model_type"] not in _KEPT_AS_IT_IS:
            return None
        if not _has_all_tokens(folder, config, file) or any(config.get(option) for option in _OTHER_OPTIONS):
            return None
        tokenizer = tokenizer_of(folder, content)
        if file["post_processor"] is None or (kind and not _is_as_made_anew(kind, config, tokenizer, file)):
            return None
        inputs = config.get("model_input_names", kind.inputs if kind else ())
        return TokenizerFile(
            tokenizer=tokenizer,
            max_tokens=known_limit(config.get("model_max_length")),
            pad_token=_text(config.get("pad_token")),
            unknown_token=_text(config.get("unk_token")),
            pads_left=_side(config.get("padding_side"), file["padding"]) == "left",
            cuts_left=_side(config.get("truncation_side"), file["truncation"]) == "left",
            gives_types="token_type_ids" in inputs,
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = orjson.loads((folder / "tokenizer_config.json").read_bytes())
    older = folder / "special_tokens_map.json"
    if older.is_file() and "added_tokens_decoder" not in config:
        config |= orjson.loads(older.read_bytes())
    of_model = orjson.loads((folder / "config.json").read_bytes())
    config["tokenizer_class"] = config.get("tokenizer_class") or of_model.get("tokenizer_class")
    return config | {"model_type": of_model.get("model_type")}


def _has_all_tokens(folder: Path, config: Json, file: Json) -> bool:
    """Whether all tokens that are named elsewhere are added ones of the file already."""
    added = {token["content"] for token in file["added_tokens"]}
    others = [*(config.get("additional_special_tokens") or []), *(config.get("extra_special_tokens") or [])]
    named = {_text(token) for token in (*map(config.get, _SPECIAL_TOKENS), *others) if token}
    listed = config.get("added_tokens_decoder")
    return (
        named <= added
        and not (folder / "added_tokens.json").exists()
        and (
            listed is None or file["added_tokens"] == [{"id": int(number), **token} for number, token in listed.items()]
        )
    )


def _is_as_made_anew(kind: _Kind, config: Json, tokenizer: Tokenizer, file: Json) -> bool:
    model, found = file["model"], normalizers_of(tokenizer)
    return (
        (found, pre_tokenizers_of(tokenizer)) in kind.parts(config, found)
        and model["type"] == kind.model["type"]
        and all(model.get(name, value) == value for name, value in kind.model.items())
        and (model["type"] != "Unigram" or _has_own_unknown(model, _text(config["unk_token"])))
        and tokenizer.encode("").tokens == [_text(config[end]) for end in kind.ends]
    )


def _has_own_unknown(model: Json, token: str | None) -> bool:
    """Whether a word that is not in the vocabulary is the first of this name in it, with the score of no other."""
    first = next((number for number, (piece, _) in enumerate(model["vocab"]) if piece == token), None)
    return first is not None and first == model["unk_id"] and model["vocab"][first][1] == 0


def _side(named: Any, option: Json | None) -> str:
    """What the config says, else the file."""
    return str(named or (option or {}).get("direction")).lower()


def _text(token: Any) -> str | None:
    content: str | None = token["content"] if isinstance(token, dict) else token
    return content


def _of_bert(config: Json, _: _Steps) -> list[_Parts]:
    normalizer = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": config["tokenize_chinese_chars"],
        "strip_accents": config["strip_accents"],
        "lowercase": config["do_lower_case"],
    }
    return [([normalizer], [{"type": "BertPreTokenizer"}])]


def _of_roberta(config: Json, _: _Steps) -> list[_Parts]:
    split = {"type": "ByteLevel", "add_prefix_space": config["add_prefix_space"], "use_regex": True}
    # Whether offsets are trimmed makes no difference to the tokens.
    return [([], [split | {"trim_offsets": trim}]) for trim in (True, False)]


def _of_xlm_roberta(config: Json, found: _Steps) -> list[_Parts]:
    # Of the file's normalizers it keeps the map of characters; that spaces are made one is no matter where they split.
    kept = [step for step in found if step["type"] == "Precompiled"][:1]
    splits = [{"type": "WhitespaceSplit"}, _metaspace("always" if config["add_prefix_space"] else "never")]
    return [(kept, splits), ([*kept, _ONE_SPACE], splits)]


def _of_deberta(config: Json, _: _Steps) -> list[_Parts]:
    lower = [{"type": "Lowercase"}] if config["do_lower_case"] else []
    marks = [{"type": "Punctuation", "behavior": "Isolated"}] if config["split_by_punct"] else []
    spaces = {"type": "Replace", "pattern": {"Regex": r"\s{2,}|[\n\r\t]"}, "content": " "}
    end = {"type": "Strip", "strip_left": False, "strip_right": True}
    split = _metaspace("always" if config["add_prefix_space"] else "first")
    return [([*lower, spaces, {"type": "NFC"}, end], [*marks, split])]


def _metaspace(prepend_scheme: str) -> dict[str, Any]:
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": prepend_scheme, "split": True}


_ONE_SPACE = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
_WORDS = {"unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>"}
_ENDS = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
_KINDS = {
    "BertTokenizer": _Kind(
        defaults={"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]"}
        | {"mask_token": "[MASK]", "do_lower_case": True, "tokenize_chinese_chars": True, "strip_accents": None},
        ends=("cls_token", "sep_token"),
        model={"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
        | {"max_input_chars_per_word": 100},
        parts=_of_bert,
        inputs=("input_ids", "token_type_ids", "attention_mask"),
    ),
    "RobertaTokenizer": _Kind(
        defaults=_WORDS | _ENDS | {"add_prefix_space": False},
        ends=("cls_token", "sep_token"),
        model={"type": "BPE", "dropout": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False},
        parts=_of_roberta,
    ),
    "XLMRobertaTokenizer": _Kind(
        defaults=_WORDS | _ENDS | {"add_prefix_space": True},
        ends=("bos_token", "eos_token"),
        model={"type": "Unigram", "unk_id": 3, "byte_fallback": False},
        parts=_of_xlm_roberta,
    ),
    "CamembertTokenizer": _Kind(
        defaults=_WORDS
        | _ENDS
        | {"add_prefix_space": True}
        | {"additional_special_tokens": ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"]},
        ends=("bos_token", "eos_token"),
        model={"type": "Unigram", "byte_fallback": False},
        parts=_of_xlm_roberta,
    ),
    "DebertaV2Tokenizer": _Kind(
        defaults={"bos_token": "[CLS]", "eos_token": "[SEP]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
        | {"unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]"}
        | {"do_lower_case": False, "split_by_punct": False, "add_prefix_space": True},
        ends=("cls_token", "sep_token"),
        model={"type": "Unigram", "byte_fallback": False},
        parts=_of_deberta,
        inputs=("input_ids", "attention_mask", "token_type_ids"),
    ),
}
