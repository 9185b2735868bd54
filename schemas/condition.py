"""Which messages are meant, by what their fields hold."""

import re
from dataclasses import dataclass
from typing import Any

from schemas.escapes import split_unescaped, unescaped
from schemas.field_path import FieldPath

_PARTS = re.compile(r"(?P<path>(\\.|[^\\=!<>~])+)(?P<not>!?)=(?P<values>(\\.|[^\\=])*)", re.DOTALL)
_WORDS = (
    "must be conditions such as `kind=commit,lang=en|de,retweeted!=true`: a comma means and, `|` stands between values "
    "of one field, and a backslash takes the next character as it is"
)
_OTHER_SPELLINGS = {"True": "true", "False": "false", "None": "null"}


@dataclass(frozen=True, slots=True)
class Condition:
    """That a field holds one of some values, or none of them.

    Numbers are compared by what they are worth, true, false and null as JSON writes them; what is absent is null. Of an
    array, at its end or on its way, one element is enough.
    """

    path: FieldPath
    words: frozenset[str]
    numbers: frozenset[float]
    negated: bool

    @classmethod
    def parse(cls, written: str) -> "Condition":
        """Read one: `path=value`, `path=value|value` or `path!=value`.

        Raises:
            ValueError: It is none; the message says what it must be.
        """
        found = _PARTS.fullmatch(written)
        if found is None:
            raise ValueError(_WORDS)
        values = [value.strip() for value in split_unescaped(found["values"], "|")]
        for value in values:
            if value[:1] in ('"', "'") or value in _OTHER_SPELLINGS:
                meant = _OTHER_SPELLINGS.get(value, value.strip("\"'"))
                raise ValueError(f"has a value that must be written `{meant}`, or with a backslash before it")
        words = frozenset(map(unescaped, values))
        return cls(FieldPath.parse(found["path"].strip()), words, _numbers(words), bool(found["not"]))

    def holds(self, message: dict[str, Any]) -> bool:
        """Whether it is so in this message."""
        return any(map(self._is_one, self.path.every(message))) != self.negated

    def _is_one(self, part: object) -> bool:
        match part:
            case str():
                return part in self.words
            case None:
                return "null" in self.words
            case bool():
                return ("true" if part else "false") in self.words
            case int() | float():
                return part in self.numbers
            case _:
                return False


def parse_conditions(written: str) -> tuple[Condition, ...]:
    """Conditions with commas between, all of which must hold; none in an empty text.

    Raises:
        ValueError: One is none.
    """
    return tuple(Condition.parse(each.strip()) for each in split_unescaped(written, ",")) if written.strip() else ()


def _numbers(words: frozenset[str]) -> frozenset[float]:
    found: set[float] = set()
    for word in words:
        try:
            found.add(int(word) if word.lstrip("-").isdecimal() else float(word))
        except ValueError:
            continue
    return frozenset(found)
