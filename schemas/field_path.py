"""Where a part of a message lies in its JSON object."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from schemas.errors import InvalidMessageError
from schemas.escapes import split_unescaped, unescaped
from schemas.lenient_json import load_json

ABSENT = object()

_INDEX = re.compile(r"[0-9]{1,9}")
# JSONPath, JSON Pointer, SQL, and several paths in one.
_OTHER_NOTATION = re.compile(r"""^\$[.\[]|^\#?/|\[(\d+|\*|'.*'|".*")?\]|->|[,;|]""", re.DOTALL)
# All elements, or counted from the end; quotes, braces and space around a name.
_OTHER_NAME = re.compile(r"""\*|-\d+|["'`{\s].*|.*["'`}\s]""", re.DOTALL)
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_OPEN_END = re.compile(r"(\\.|[^\\])*\\", re.DOTALL)  # a backslash that takes nothing


@dataclass(frozen=True, slots=True)
class FieldPath:
    r"""Names with dots between, from the outside to the inside.

    A number leads into an array (`comments.0.text`), and a string on the way is read as JSON. A dot of a name has a
    backslash before it (`after\.body`).
    """

    names: tuple[str, ...]

    @classmethod
    def parse(cls, written: str) -> "FieldPath":
        """Read one.

        Raises:
            ValueError: It is none; the message says what it must be.
        """
        masked = _ESCAPED.sub("_", written)
        if _OTHER_NOTATION.search(masked) or any(map(_OTHER_NAME.fullmatch, masked.split("."))):
            raise ValueError(
                "must be names with dots between, and numbers for places in arrays, such as `comments.0.text`; a "
                "backslash takes the next character of a name as it is"
            )
        names = split_unescaped(written, ".")
        if not all(names) or _OPEN_END.fullmatch(written):
            raise ValueError("must be a field's name, or names with one dot between, such as `data.body`")
        return cls(tuple(map(unescaped, names)))

    def __str__(self) -> str:
        return ".".join(self.names)

    def find(self, message: dict[str, Any], default: object = None) -> Any:
        """What lies there; the default if nothing does."""
        found: Any = message
        for name in self.names:
            found = found.get(name, default) if found.__class__ is dict else step(found, name, default)
        return found

    def every(self, message: dict[str, Any]) -> list[Any]:
        """What lies there; where the path leads through an array without a number, or to one, of all its elements."""
        found: Any = message
        for depth, name in enumerate(self.names):
            if found.__class__ is not dict:
                return _every(found, self.names[depth:])
            found = found.get(name)
        return found if isinstance(found, list) else [found]

    def obstacle(self, message: dict[str, Any]) -> "Obstacle":
        """Why nothing is found, or null."""
        met: Any = message
        for depth, name in enumerate(self.names):
            inner = step(met, name, ABSENT)
            if inner is ABSENT:
                return _obstacle(met, self.names[: depth + 1], is_last=depth + 1 == len(self.names))
            met = inner
        return Obstacle("", is_gap=True)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a field from being found, such as "`comments` is an array"; empty if only its last name is missing.

    `is_gap`: nothing lies there; else it may lie elsewhere, or be broken.
    """

    words: str
    is_gap: bool


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
        case bytes():  # of Avro
            return "bytes"
        case _:
            return "an object"


def step(found: Any, name: str, default: object) -> Any:
    """What the name leads to in an object, an array, or what a string holds as JSON; the default if to nothing."""
    found = opened(found)
    if isinstance(found, dict):
        return found.get(name, default)
    if isinstance(found, list) and _INDEX.fullmatch(name) and int(name) < len(found):
        return found[int(name)]
    return default


def opened(found: Any) -> Any:
    """The object or array that a string holds as JSON; anything else is left as it is."""
    return _opened(found) if isinstance(found, str) and found.lstrip()[:1] in ("{", "[") else found


@lru_cache(maxsize=2)  # each field of a message is looked up by itself
def _opened(found: str) -> Any:
    try:
        return load_json(found)
    except InvalidMessageError:
        return found


def _every(found: Any, names: tuple[str, ...]) -> list[Any]:
    found = opened(found)
    if not names:
        return found if isinstance(found, list) else [found]
    if isinstance(found, list) and not _INDEX.fullmatch(names[0]):
        return [inner for element in found for inner in _every(element, names)]
    return _every(step(found, names[0], None), names[1:])


def _obstacle(met: Any, names: tuple[str, ...], is_last: bool) -> Obstacle:
    """Of the way through all these names but the last, which leads to nothing in what was met."""
    met = opened(met)
    place = f"`{'.'.join(names[:-1])}`"
    match met:
        case dict():
            return Obstacle("" if is_last else f"`{'.'.join(names)}` is absent", is_gap=True)
        case list():
            counted = f" of {len(met)}" if _INDEX.fullmatch(names[-1]) else ""
            return Obstacle(f"{place} is an array{counted}", is_gap=bool(counted) or not met)
        case str() if met.strip():
            return Obstacle(f"{place} is a string that holds no JSON object or array", is_gap=False)
        case _:
            return Obstacle(f"{place} is {json_type(met)}", is_gap=met in (None, "") or isinstance(met, str))
