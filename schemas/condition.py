"""Which messages are meant, by what their fields hold."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.escapes import split_unescaped, unescaped
from schemas.field_path import FieldPath

_PARTS = re.compile(r"(?P<path>(\\.|[^\\=!])+)(?P<not>!?)=(?P<values>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """That a field holds one of some values, or none of them.

    Numbers, true, false and null are compared as JSON writes them; what is absent is null. An array holds what any of
    its elements is.
    """

    path: FieldPath
    values: frozenset[str]
    negated: bool

    @classmethod
    def parse(cls, written: str) -> "Condition":
        """Read one: `path=value`, `path=value|value` or `path!=value`.

        Raises:
            ValueError: It is none; the message says what it must be.
        """
        found = _PARTS.fullmatch(written)
        if found is None:
            raise ValueError("must be conditions such as `kind=commit,lang=en|de,retweeted!=true`")
        values = frozenset(unescaped(value.strip()) for value in split_unescaped(found["values"], "|"))
        return cls(FieldPath.parse(found["path"].strip()), values, bool(found["not"]))

    def holds(self, message: dict[str, Any]) -> bool:
        """Whether it is so in this message."""
        found = self.path.find(message)
        parts = found if isinstance(found, list) else [found]
        return any(_written(part) in self.values for part in parts) != self.negated


def parse_conditions(written: str) -> tuple[Condition, ...]:
    """Conditions with commas between, all of which must hold; none in an empty text.

    Raises:
        ValueError: One is none.
    """
    return tuple(Condition.parse(each.strip()) for each in split_unescaped(written, ",")) if written.strip() else ()


def _written(part: object) -> str | None:
    if isinstance(part, str):
        return part
    return None if isinstance(part, dict | list) else orjson.dumps(part).decode()
