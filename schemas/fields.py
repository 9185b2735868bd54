"""Which parts of a JSON object are read."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.condition import Condition, parse_conditions
from schemas.escapes import split_unescaped
from schemas.field_path import FieldPath

UNAVAILABLE = "__debezium_unavailable_value"
"""What Debezium writes for a long value that the database did not send, because it did not change."""


_TEXT, _ID = map(FieldPath.parse, ("text", "id"))


@dataclass(frozen=True, slots=True)
class Fields:
    """Where a message's parts lie in a JSON object, and which objects are messages.

    The first of the `text` paths that leads to a text counts. Only objects that meet all `conditions` are messages. One
    whose text is `unavailable` has a text that did not change. `bare_texts`: a
    JSON string is a message as well, and all text. `is_nested`: some `text` path has several names.
    `names` are those of text and id, where each is one field of the message itself.
    """

    text: tuple[FieldPath, ...] = (_TEXT,)
    id: FieldPath = _ID
    copied: tuple[FieldPath, ...] = ()
    conditions: tuple[Condition, ...] = ()
    unavailable: str = UNAVAILABLE
    bare_texts: bool = False
    is_nested: bool = field(init=False)
    names: tuple[str, str] | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_nested", any(len(path.names) > 1 for path in self.text))
        paths = self.text[0].names + self.id.names
        object.__setattr__(self, "names", paths if len(paths) == 2 else None)  # a path has at least one

    @property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """The names on the way to each part."""
        conditions = [condition.path for condition in self.conditions]
        return frozenset(path.names for path in (*self.text, self.id, *self.copied, *conditions))

    @property
    def are_shown(self) -> bool:
        """Whether more is looked at than a text and its id."""
        return bool(self.copied or self.conditions)

    @classmethod
    def parse(
        cls,
        text: str = "text",
        id: str = "id",  # noqa: A002 - what it is
        copied: Iterable[str] = (),
        only_if: str = "",
        unavailable: str = UNAVAILABLE,
        bare_texts: bool = False,
    ) -> "Fields":
        """Read them as settings write them.

        Raises:
            ValueError: One is wrong; the message says what it must be.
        """
        return cls(
            text=parse_paths(text),
            id=FieldPath.parse(id.strip()),
            copied=tuple(map(FieldPath.parse, copied)),
            conditions=parse_conditions(only_if),
            unavailable=unavailable,
            bare_texts=bare_texts,
        )


def parse_paths(written: str) -> tuple[FieldPath, ...]:
    """Paths with commas between.

    Raises:
        ValueError: One is none.
    """
    return tuple(FieldPath.parse(path.strip()) for path in split_unescaped(written, ","))
