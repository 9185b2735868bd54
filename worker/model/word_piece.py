"""A faster WordPiece: nanotoken, where it gives the same token ids as the tokenizer itself."""

import json
import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import nanotoken
from tokenizers import Tokenizer, models, normalizers

from worker.model.sample_texts import HOSTILE_TEXTS
from worker.model.tokenizer_parts import added_tokens, normalizers_of

_log = logging.getLogger(__name__)

# These are nanotoken's, too. What a tokenizer has before the last other one is left to the tokenizer.
_NORMALIZERS = {"BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents"}
_REMEMBERED_WORDS = 1 << 15  # a few MB; with more it is no faster


class TokenIds(NamedTuple):
    """What a text becomes: token ids, special ones included, and whether it had more than the model takes."""

    ids: list[int]
    truncated: bool


Encode = Callable[[list[str]], list[TokenIds]]


def faster_if_equal(tokenizer: Tokenizer, max_tokens: int) -> Encode:
    """Texts to token ids: by nanotoken if it gives the same for built-in hostile texts, else by the tokenizer.

    Args:
        tokenizer: It truncates to `max_tokens`, and does not pad.
        max_tokens: What the model can take, special tokens included.
    """
    plain = partial(_encode, tokenizer)
    if not isinstance(tokenizer.model, models.WordPiece):
        return plain
    try:
        faster = _WordPiece(tokenizer, max_tokens, plain)
        differing = sum(
            ours != its for ours, its in zip(faster.encode(HOSTILE_TEXTS), plain(HOSTILE_TEXTS), strict=True)
        )
        if differing:
            raise ValueError(f"nanotoken gives other tokens for {differing} of {len(HOSTILE_TEXTS)} built-in texts")
    except ValueError as error:
        _log.warning("slower_tokenizer", extra={"error": str(error)})
        return plain
    return faster.encode


class _WordPiece:
    """nanotoken, for each text of which it can tell the tokens."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, plain: Encode) -> None:
        """Give nanotoken what it knows of this tokenizer.

        Raises:
            ValueError: It does not know a part of it.
        """
        self._max_tokens = max_tokens
        self._plain = plain
        if any(token.normalized for token in tokenizer.get_added_tokens_decoder().values()):
            raise ValueError("a token that is looked for in normalized text")
        self._added = added_tokens(tokenizer)
        steps = normalizers_of(tokenizer)
        before = 1 + max((i for i, step in enumerate(steps) if step["type"] not in _NORMALIZERS), default=-1)
        self._normalizer = normalizers.Sequence([])
        self._normalizer.__setstate__(json.dumps(_sequence(steps[:before])).encode())
        parts = json.loads(tokenizer.to_str())
        parts |= {"normalizer": _sequence(steps[before:]), "added_tokens": [], "truncation": None}
        nanotoken.set_cache_entries(_REMEMBERED_WORDS)
        self._words = nanotoken.WordPieceTokenizer.from_json(json.dumps(parts))

    def encode(self, texts: list[str]) -> list[TokenIds]:
        """The token ids of each text; what holds an added token or may be truncated is left to the tokenizer."""
        normalized = list(map(self._normalizer.normalize_str, texts))
        rows = self._words.encode_batch_list(normalized, max_length=self._max_tokens, parallel=False)
        found = [TokenIds(ids, truncated=False) for ids in rows]
        left = [index for index, text in enumerate(texts) if self._is_left(text, rows[index])]
        for index, ids in zip(left, self._plain([texts[index] for index in left]), strict=True):
            found[index] = ids
        return found

    def _is_left(self, text: str, ids: list[int]) -> bool:
        return len(ids) >= self._max_tokens or any(token in text for token in self._added)


def _sequence(steps: list[dict[str, object]]) -> dict[str, object]:
    return {"type": "Sequence", "normalizers": steps}


def _encode(tokenizer: Tokenizer, texts: list[str]) -> list[TokenIds]:
    encodings = tokenizer.encode_batch_fast(texts)
    return [TokenIds(encoding.ids, bool(encoding.overflowing)) for encoding in encodings]
