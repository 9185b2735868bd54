"""The wire format of Confluent's schema registry: a zero byte and the schema's id stand before the JSON."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import TypeAdapter

from schemas.dead_letter import Reason
from schemas.emotion_label import EmotionLabel
from schemas.errors import InvalidMessageError

# Where serializers may put the schema's id in place of the prefix; readers look there first.
SCHEMA_ID_HEADER = "__value_schema_id"

_MAGIC = b"\0"  # no JSON begins with it
_PREFIX_BYTES = 5
_LABEL = TypeAdapter(EmotionLabel)

T = TypeVar("T")


def prefix(schema_id: int) -> bytes:
    """What stands before the JSON: the zero byte and the id, four bytes with the highest first."""
    return _MAGIC + schema_id.to_bytes(_PREFIX_BYTES - 1)


def without_prefix(value: bytes) -> bytes:
    """The JSON of a value, with a prefix or without one."""
    return value[_PREFIX_BYTES:] if value.startswith(_MAGIC) else value


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
    if len(value) < _PREFIX_BYTES:
        detail = f"{len(value)} bytes that begin with a zero byte hold no schema id"
        raise InvalidMessageError(Reason.INVALID_JSON, detail)
    try:
        return read(value[_PREFIX_BYTES:])
    except InvalidMessageError as error:
        schema_id = int.from_bytes(value[1:_PREFIX_BYTES])
        raise type(error)(error.reason, f"{error.detail} (behind schema id {schema_id})") from None
