"""The wire format of Confluent's schema registry: which schema a value has stands before it, or in a header.

That is a zero byte and the schema's id in four bytes, highest first; or a byte of 1 and the schema's GUID in sixteen.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

from pydantic import TypeAdapter

from schemas.dead_letter import Reason
from schemas.emotion_label import EmotionLabel
from schemas.errors import InvalidMessageError

# Where serializers may put the schema's id in place of the prefix; readers look there first.
SCHEMA_ID_HEADER = "__value_schema_id"

_MAGIC = b"\0"  # no JSON begins with it
USUAL_KEY_BYTES = 5
"""Of what names a schema by its id."""
_GUID_MAGIC = b"\1"
_GUID_KEY_BYTES = 17
_LABEL = TypeAdapter(EmotionLabel)

T = TypeVar("T")


def prefix(schema_id: int) -> bytes:
    """What stands before the JSON: the zero byte and the id, four bytes with the highest first."""
    return _MAGIC + schema_id.to_bytes(USUAL_KEY_BYTES - 1)


def without_prefix(value: bytes) -> bytes:
    """The JSON of a value, with a prefix or without one."""
    return value[USUAL_KEY_BYTES:] if value.startswith(_MAGIC) else value


def with_prefix(value: bytes, headers: Iterable[tuple[str, bytes | None]]) -> bytes:
    """The value with what names its schema before it, where that is in a header; the first of them counts."""
    for name, content in headers:
        if name == SCHEMA_ID_HEADER:
            return value if content is None else content + value
    return value


def schema_key(value: bytes) -> bytes | None:
    """What names the schema of a value, as it stands before it; None where nothing does."""
    length = USUAL_KEY_BYTES if value.startswith(_MAGIC) else _GUID_KEY_BYTES
    is_named = value.startswith((_MAGIC, _GUID_MAGIC)) and len(value) >= length
    return value[:length] if is_named else None


def schema_place(key: bytes) -> str:
    """Where the registry has the schema of a key: the path of its API."""
    return "/schemas/{}s/{}".format(*_name(key))


def schema_words(key: bytes) -> str:
    """How people call the schema of a key."""
    return "schema {} {}".format(*_name(key))


def _name(key: bytes) -> tuple[str, object]:
    return ("guid", UUID(bytes=key[1:])) if key.startswith(_GUID_MAGIC) else ("id", int.from_bytes(key[1:]))


def read_label(value: bytes) -> EmotionLabel:
    """The label of a value, with a prefix or without one.

    Raises:
        pydantic.ValidationError: It is none.
    """
    return _LABEL.validate_json(without_prefix(value))


def read_prefixed(read: Callable[[bytes], T], value: bytes) -> T:
    """Read the JSON of a value, with a prefix or without one.

    Raises:
        InvalidMessageError: What `read` raises; where there was a prefix, the detail names the schema's id.
    """
    if not value.startswith(_MAGIC):
        return read(value)
    if len(value) < USUAL_KEY_BYTES:
        detail = f"{len(value)} bytes that begin with a zero byte hold no schema id"
        raise InvalidMessageError(Reason.INVALID_JSON, detail)
    try:
        return read(value[USUAL_KEY_BYTES:])
    except InvalidMessageError as error:
        schema_id = int.from_bytes(value[1:USUAL_KEY_BYTES])
        raise type(error)(error.reason, f"{error.detail} (behind schema id {schema_id})") from None
