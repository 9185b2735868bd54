"""Where a part of a message lies in its JSON object."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from schemas.errors import InvalidMessageError
from schemas.escapes import split_unescaped, unescaped
from schemas.lenient_json import load_leniently

_INDEX = re.compile(r"[0-9]{1,9}")
_OTHER_NOTATION = re.compile(r"""\$[.\[]|/|(\\.|[^\\])*\[(\d+|\*|'.*'|".*")?\]""", re.DOTALL)  # JSONPath, JSON Pointer
_OPEN_END = re.compile(r"(\\.|[^\\])*\\", re.DOTALL)  # a backslash that takes nothing
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class FieldPath:
    r"""Names with dots between, from the outside to the inside.

    A number leads into an array (`comments.0.text`), and a string on the way is read as JSON. A dot of a name has a
    backslash before it (`after\.body`).
    """

    written: str
    names: tuple[str, ...]

    @classmethod
    def parse(cls, written: str) -> "FieldPath":
        """Read one.

        Raises:
            ValueError: It is none; the message says what it must be.
        """
        if _OTHER_NOTATION.match(written):
            raise ValueError("must be names with dots between, and numbers for places in arrays: `comments.0.text`")
        names = split_unescaped(written, ".")
        if not all(names) or _OPEN_END.fullmatch(written):
            raise ValueError("must be a field's name, or names with one dot between, such as `data.body`")
        return cls(written, tuple(map(unescaped, names)))

    def __str__(self) -> str:
        return self.written

    def find(self, message: dict[str, Any], default: object = None) -> Any:
        """What lies there; the default if nothing does."""
        found: Any = message
        for name in self.names:
            found = found.get(name, default) if found.__class__ is dict else step(found, name, default)
        return found

    def way(self, message: dict[str, Any]) -> list[Any]:
        """What the names lead through, from the message to what holds the part itself; it ends where nothing is."""
        found: list[Any] = [message]
        for name in self.names[:-1]:
            inner = step(found[-1], name, _ABSENT)
            if inner is _ABSENT:
                break
            found.append(_opened(inner))
        return found

    def obstacle(self, message: dict[str, Any]) -> str:
        """What keeps it from being found, such as "`comments` is an array"; empty if only its last name is missing."""
        way = self.way(message)
        met, depth = way[-1], len(way) - 1
        parts = split_unescaped(self.written, ".")
        place = f"`{'.'.join(parts[:depth])}`"
        match met:
            case dict():
                return f"`{'.'.join(parts[: depth + 1])}` is absent" if depth + 1 < len(parts) else ""
            case list() if _INDEX.fullmatch(self.names[depth]):
                return f"{place} is an array of {len(met)}"
            case str():
                return f"{place} is a string that holds no JSON object or array"
            case _:
                return f"{place} is {json_type(met)}"


def json_type(value: object) -> str:
    """What JSON calls it, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def step(found: Any, name: str, default: object) -> Any:
    """What the name leads to in an object, an array, or what a string holds as JSON; the default if to nothing."""
    found = _opened(found)
    if isinstance(found, dict):
        return found.get(name, default)
    if isinstance(found, list) and _INDEX.fullmatch(name) and int(name) < len(found):
        return found[int(name)]
    return default


def _opened(found: Any) -> Any:
    """The object or array that a string holds as JSON; anything else is left as it is."""
    if not isinstance(found, str) or found.lstrip()[:1] not in ("{", "["):
        return found
    try:
        inner = orjson.loads(found)
    except orjson.JSONDecodeError as error:
        try:
            inner = load_leniently(found.encode(), error)
        except InvalidMessageError:
            return found
    return inner
