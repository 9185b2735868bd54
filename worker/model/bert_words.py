"""BERT's words: where else a text may be cut, and what may be left out of it because no token comes of it.

BERT takes spaces and control characters away and sets punctuation and Chinese characters apart. A word of more than a
hundred characters is one unknown token, however long it is.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers

from schemas.normalizer_patterns import LINKS_AND_NAMES, SPACES_AND_EMOJI
from worker.model.tokenizer_parts import (
    added_tokens,
    is_replace,
    normalizers_of,
    pre_tokenizers_of,
)

_NORMALIZERS = {"BertNormalizer", "Lowercase", "Replace", "Strip"}
_LINK = re.compile(r"(?<!\S)((?:https?://|www\.)\S{64})\S+")
_OPENERS = ":/.@"  # the last character of what may still become a link or a name
_WITHOUT_LETTERS = normalizers.Replace(Regex(r"\w"), "")  # marks and digits too, as the tokenizer sees it

# What becomes of a character:
_SPACE = " "
_ALONE = "i"  # a word of its own
_ODD = "x"  # a space for some steps only
_IN_WORD, _SIGN_IN_WORD = "w", "s"  # stays in its word; the second is no letter
_DROPPED, _DROPPED_MARK = "d", "m"  # the second is a letter

# What does nothing more than the character before it. Short ones are left, as many pieces take memory too.
_IDLE = re.compile(r"(?<= ) {63,}|(?<=m)m{63,}|(?<=d)[dm]{62,}d")
_TAIL = 16  # of a long word is kept, for what may begin there: `https` and `www`


class BertWords:
    """Looks at texts as the BERT tokenizer that it was made for does."""

    def __init__(self, tokenizer: Tokenizer, word_characters: int, links: bool) -> None:
        self._tokenizer = tokenizer
        self._word_characters = word_characters
        self._head = 4 * word_characters
        self._links = links
        self._long_word = re.compile(rf"[wsdm]{{{self._head}}}([wsdm]{{64,}})[wsdm]{{{_TAIL}}}")
        self._added = added_tokens(tokenizer)
        self._inside = set(_OPENERS).union(*(content[:-1] for content in self._added))
        self._kind = lru_cache(4096)(self._find_kind)

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "BertWords | None":
        """Those of this tokenizer; None if it does anything that BERT does not."""
        steps, model = normalizers_of(tokenizer), tokenizer.model
        links = any(is_replace(step, LINKS_AND_NAMES) for step in steps)
        first = [step["type"] != "Replace" for step in steps]
        if not (
            isinstance(model, models.WordPiece)
            and [split["type"] for split in pre_tokenizers_of(tokenizer)] == ["BertPreTokenizer"]
            and {step["type"] for step in steps} <= _NORMALIZERS
            and all(map(_is_known, steps))
            and first == sorted(first)
        ):
            return None
        words = cls(tokenizer, model.max_input_chars_per_word, links)
        return words if words._are_apart(tokenizer) else None

    def find_end(self, text: str, most: int) -> int:
        """The last place, not behind `most`, where no word and nothing else goes on; 0 if there is none."""
        for end in range(most, 0, -1):
            last = text[end - 1]
            if text[end] == " " or (last not in self._inside and self._kind(last) == _ALONE):
                return end
        return 0

    def shorten(self, text: str) -> str:
        """A text of the same tokens, without what none of them comes of."""
        if self._links and not any(content in text for content in self._added):  # such a token ends a link
            text = _LINK.sub(r"\1", text)
        kinds = text.translate({ord(character): self._kind(character) for character in set(text)})
        text, kinds = (_without(string, (found.span() for found in _IDLE.finditer(kinds))) for string in (text, kinds))
        unknown = (found.span(1) for found in self._long_word.finditer(kinds) if self._is_unknown(found[0]))
        return _without(text, unknown)

    def _find_kind(self, character: str) -> str:
        words = self._words(f"a{character}a")
        if words == ["a", "a"]:
            return _SPACE if character.isspace() else _ODD
        if len(words) != 1:
            return _ALONE
        if character.isspace():
            return _ODD
        is_letter = not _WITHOUT_LETTERS.normalize_str(character)
        if words == ["aa"]:
            return _DROPPED_MARK if is_letter else _DROPPED
        return _IN_WORD if is_letter else _SIGN_IN_WORD

    def _words(self, text: str) -> list[str]:
        normalizer = self._tokenizer.normalizer
        seen = text if normalizer is None else normalizer.normalize_str(text)
        return [word for word, _ in self._tokenizer.pre_tokenizer.pre_tokenize_str(seen)]

    def _is_unknown(self, kinds: str) -> bool:
        """Whether a word of these kinds stays too long, also if an `@` before it takes its first letters away."""
        head = kinds[: self._head]
        start = re.search("[sd]", head)
        if start is None and re.search("[sd]", kinds):
            return False
        kept = head[start.start() if start else 0 :]
        return kept.count(_IN_WORD) + kept.count(_SIGN_IN_WORD) > self._word_characters

    def _are_apart(self, tokenizer: Tokenizer) -> bool:
        """Whether the added tokens begin and end with what no word holds."""
        tokens = tokenizer.get_added_tokens_decoder().values()
        return all(
            not token.single_word and {self._kind(token.content[0]), self._kind(token.content[-1])} == {_ALONE}
            for token in tokens
        )


def _is_known(normalizer: dict[str, Any]) -> bool:
    known = (LINKS_AND_NAMES, SPACES_AND_EMOJI, r"\s+")
    return normalizer["type"] != "Replace" or any(is_replace(normalizer, pattern) for pattern in known)


def _without(string: str, spans: Iterable[tuple[int, int]]) -> str:
    pieces, end = [], 0
    for start, stop in spans:
        pieces.append(string[end:start])
        end = stop
    return "".join([*pieces, string[end:]])
