"""Special tokens beyond the rows of a model: many fine-tunes have a padding token that was added and never used."""

from pathlib import Path
from typing import Any

import orjson
from tokenizers import Tokenizer


def tokenizer_of(folder: Path, content: bytes) -> Tokenizer:
    """What a tokenizer.json holds, without special tokens that the folder's model has no row for: a text may name one.

    Raises:
        ValueError: It is no JSON.
        Exception: The library cannot read it.
    """
    file, rows = orjson.loads(content), _rows(folder)
    tokens = file.get("added_tokens") or []
    known = [token for token in tokens if not (token["special"] and token["id"] >= rows)]
    return Tokenizer.from_buffer(content if known == tokens else orjson.dumps(file | {"added_tokens": known}))


def has_spare_tokens(folder: Path, tokenizer: Tokenizer) -> bool:
    """Whether it has special tokens that the folder's model has no row for."""
    rows = _rows(folder)
    return any(token.special and id_ >= rows for id_, token in tokenizer.get_added_tokens_decoder().items())


def _rows(folder: Path) -> float:
    config: dict[str, Any] = orjson.loads((folder / "config.json").read_bytes())
    rows = config.get("vocab_size") or (config.get("text_config") or {}).get("vocab_size")
    return rows if isinstance(rows, int) else float("inf")
