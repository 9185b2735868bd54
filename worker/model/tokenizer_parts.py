"""What a tokenizer is made of, and whether a text may be cut between a word and a space."""

import json
from typing import Any

from tokenizers import Tokenizer, models

from schemas.normalizer_patterns import LINKS_AND_NAMES, SPACES_AND_EMOJI

# These look at a character, or at what no space stands in: never across a space from one word to the next.
_LOCAL_NORMALIZERS = {
    *("BertNormalizer", "ByteLevel", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "Nmt"),
    *("Precompiled", "Prepend", "Replace", "Strip", "StripAccents"),
}
_LOCAL_PATTERNS = {LINKS_AND_NAMES, SPACES_AND_EMOJI, r"\s+", " {2,}"}
_SPLIT_AT_SPACES = {"BertPreTokenizer", "ByteLevel", "Metaspace", "Whitespace", "WhitespaceSplit"}
_SPLIT_FURTHER = {"Digits", "Punctuation"}


def normalizers_of(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """Its normalizers, in order."""
    return _flat(tokenizer.normalizer)


def pre_tokenizers_of(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    """Its pre-tokenizers, in order."""
    return _flat(tokenizer.pre_tokenizer)


def is_cuttable(tokenizer: Tokenizer) -> bool:
    """Whether a text that is cut between a letter and a space gives the tokens that are left of the whole text.

    What is not known to do so does not: patterns of others, a model that sees the whole text as one word.
    """
    splits, model = pre_tokenizers_of(tokenizer), tokenizer.model
    return (
        all(map(_is_local, normalizers_of(tokenizer)))
        and all(split["type"] in _SPLIT_AT_SPACES | _SPLIT_FURTHER for split in splits)
        and any(map(_splits_at_spaces, splits))
        and isinstance(model, models.WordPiece | models.BPE | models.Unigram | models.WordLevel)
        and not getattr(model, "dropout", None)
        and (tokenizer.truncation or {}).get("direction") != "left"  # then it is the end that fills the model
        and not any(set(content) & set(" ▁") or not content.strip() for content in added_tokens(tokenizer))
    )


def added_tokens(tokenizer: Tokenizer) -> list[str]:
    """What is found in a text before anything else looks at it, such as `[MASK]`."""
    return [token.content for token in tokenizer.get_added_tokens_decoder().values()]


def is_replace(normalizer: dict[str, Any], pattern: str) -> bool:
    """Whether it replaces what matches this regular expression."""
    return (normalizer["type"], normalizer.get("pattern")) == ("Replace", {"Regex": pattern})


def _is_local(normalizer: dict[str, Any]) -> bool:
    if normalizer["type"] != "Replace":
        return normalizer["type"] in _LOCAL_NORMALIZERS
    literal = normalizer["pattern"].get("String")
    if literal is not None:
        return " " not in literal or not literal.strip(" ")
    return any(is_replace(normalizer, pattern) for pattern in _LOCAL_PATTERNS)


def _splits_at_spaces(split: dict[str, Any]) -> bool:
    is_whole = split.get("use_regex") is False or split.get("split") is False
    return split["type"] in _SPLIT_AT_SPACES and not is_whole


def _flat(part: Any) -> list[dict[str, Any]]:
    return _members(json.loads(part.__getstate__())) if part is not None else []


def _members(part: dict[str, Any]) -> list[dict[str, Any]]:
    inner = part.get("normalizers", part.get("pretokenizers"))
    return [part] if inner is None else [member for each in inner for member in _members(each)]
