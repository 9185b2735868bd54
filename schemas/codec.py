"""Bytes to message and message to bytes, and nothing else."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from unicodedata import category

import orjson
from pydantic import JsonValue

from schemas.dead_letter import Reason
from schemas.emotion_label import EmotionLabel, ModelName
from schemas.text_message import DecodedMessage, Fields

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TOO_DEEP = "Recursion limit"
# An escape in a JSON string: a surrogate pair, half of one, or any other.
_HEX = "[0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\u[dD][89abAB]{_HEX}\\u[dD][c-fC-F]{_HEX}|(?P<half>\\u[dD][89a-fA-F]{_HEX})|\\.", re.DOTALL)
_64_BITS = range(-(2**63), 2**64)
_ONE_TEXT = "; send each text in a record of its own"
_PLAIN = Fields(text="value")
_AFTER = "after"
_ABSENT = object()


class InvalidMessageError(ValueError):
    """A value that breaks the input contract. `detail` names the field, never the text."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class DeletedRowError(InvalidMessageError):
    """The value says that a row is gone (Debezium's delete): there is no text, and nothing is wrong."""


def decode_json(value: bytes, fields: Fields = Fields()) -> DecodedMessage:  # noqa: B008 - it is frozen
    """Read a JSON object.

    Args:
        value: UTF-8, with or without a byte order mark.
        fields: Where the parts of the message lie in it.

    Raises:
        DeletedRowError: It is a change event that deletes the text.
        InvalidMessageError: The value breaks the contract.
    """
    value = value.removeprefix(_BYTE_ORDER_MARK)
    try:
        message = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        message = _load_leniently(value, error)
    if not isinstance(message, dict):
        several = _ONE_TEXT if isinstance(message, list) else ""
        raise InvalidMessageError(Reason.NOT_AN_OBJECT, f"the value is JSON, but {_json_type(message)}{several}")
    text, identity = _find(message, fields.text), _find(message, fields.id)
    if text is None:
        detail = f"field '{fields.text}' is absent or null"
        deleted = _is_delete(message, fields.text)
        raise (DeletedRowError if deleted else InvalidMessageError)(Reason.MISSING_TEXT, detail)
    if type(identity) is int:  # the keys of other people's tables are numbers
        identity = str(identity)
    elif not isinstance(identity, str):
        identity = None  # a strange id must not cost the text
    found = _checked(text, identity, fields)
    if fields.copied:
        found.copied = _copied(message, fields.copied)
    return found


def decode_text(value: bytes) -> DecodedMessage:
    """Read plain UTF-8 text.

    Raises:
        InvalidMessageError: The value breaks the contract.
    """
    return _checked(_decode_utf8(value.removeprefix(_BYTE_ORDER_MARK)), None, _PLAIN)


def encode_label(label: EmotionLabel) -> bytes:
    """Write a label as JSON on one line."""
    source = label.source
    return orjson.dumps(  # a dictionary takes half the time of a dataclass with slots
        {
            "schema_version": label.schema_version,
            "id": label.id,
            "label": label.label,
            "score": label.score,
            "confident": label.confident,
            "scores": label.scores,
            "tokens": label.tokens,
            "truncated": label.truncated,
            "model": _model_fragment(label.model),
            "source": source
            and {
                "topic": source.topic,
                "partition": source.partition,
                "offset": source.offset,
                "timestamp_ms": source.timestamp_ms,
            },
            "labelled_at_ms": label.labelled_at_ms,
            "copied": label.copied,
        }
    )


@lru_cache(maxsize=8)
def _model_fragment(model: ModelName) -> orjson.Fragment:
    return orjson.Fragment(orjson.dumps(model))


def _load_leniently(value: bytes, error: orjson.JSONDecodeError) -> Any:
    """What Python's own `json` and JavaScript write beyond the standard: NaN, Infinity, half a surrogate pair.

    Raises:
        InvalidMessageError: It is no JSON in that sense either.
    """
    text = _decode_utf8(value)
    refused = InvalidMessageError(Reason.INVALID_JSON, str(error))
    if _TOO_DEEP in str(error):
        raise refused from None
    try:
        return json.loads(_ESCAPE.sub(_whole, text), parse_int=_number)
    except (ValueError, RecursionError) as told:
        if isinstance(told, json.JSONDecodeError) and told.msg == "Extra data":  # such as newline-delimited JSON
            refused = InvalidMessageError(Reason.INVALID_JSON, f"{error}{_ONE_TEXT}")
        raise refused from None


def _number(digits: str) -> int | float:
    """An integer where 64 bits hold it, as orjson reads it; a longer one is a float."""
    return number if len(digits) <= 20 and (number := int(digits)) in _64_BITS else float(digits)


def _whole(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape["half"] else escape[0]


def _decode_utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InvalidMessageError(Reason.INVALID_UTF8, f"{error.reason} at byte {error.start}") from None


def _find(message: dict[str, Any], path: str, default: object = None) -> Any:
    """What lies at a dotted path."""
    found: Any = message
    for name in path.split("."):
        found = found.get(name, default) if isinstance(found, dict) else default
    return found


def _copied(message: dict[str, Any], paths: Iterable[str]) -> dict[str, JsonValue]:
    copied = {path: part for path in paths if (part := _find(message, path, _ABSENT)) is not _ABSENT}
    try:
        if copied:
            orjson.dumps({"copied": copied})  # it reads deeper than it writes
    except orjson.JSONEncodeError:
        raise InvalidMessageError(Reason.INVALID_JSON, "a field to be copied is nested too deep") from None
    return copied


def _is_delete(message: dict[str, Any], text_path: str) -> bool:
    """Whether this is a Debezium envelope, `{"op": "d", "after": null, …}`, whose `after` the path leads through."""
    path = text_path.split(".")
    if _AFTER not in path[:-1]:
        return False
    envelope: Any = message
    for name in path[: path.index(_AFTER)]:
        envelope = envelope.get(name) if isinstance(envelope, dict) else None
    return isinstance(envelope, dict) and envelope.get("op") == "d" and envelope.get(_AFTER) is None


def _checked(text: Any, identity: Any, fields: Fields) -> DecodedMessage:
    """What pydantic would check of a TextMessage, in a fraction of its time."""
    if not isinstance(text, str):
        raise _wrong_type(fields.text, text)
    plain = "!" <= text[:1] <= "~"  # nearly every text starts with a visible character
    if not (plain or any(map(_is_visible, text))):
        raise InvalidMessageError(Reason.EMPTY_TEXT, f"field '{fields.text}' holds no visible character")
    return DecodedMessage(text, identity)


def _is_visible(character: str) -> bool:
    """No space, control or format character; one that this Python does not know yet may be the newest emoji."""
    return not character.isspace() and (character.isprintable() or category(character) in ("Cn", "Co"))


def _wrong_type(field: str, found: object) -> InvalidMessageError:
    return InvalidMessageError(Reason.WRONG_TYPE, f"field '{field}' is {_json_type(found)}, expected a string")


def _json_type(value: object) -> str:
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
