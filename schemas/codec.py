"""Bytes to message and message to bytes, and nothing else."""

from typing import Any

import orjson
from pydantic import ValidationError

from schemas.dead_letter import Reason
from schemas.emotion_label import EmotionLabel
from schemas.text_message import TextMessage

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class InvalidMessageError(ValueError):
    """A value that breaks the input contract. `detail` names the field, never the text."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def decode_json(value: bytes, text_field: str = "text") -> TextMessage:
    """Read a JSON object.

    Args:
        value: UTF-8, with or without a byte order mark.
        text_field: The field that holds the text; dots lead into nested objects (`data.body`).

    Raises:
        InvalidMessageError: The value breaks the contract.
    """
    value = value.removeprefix(_BYTE_ORDER_MARK)
    try:
        message = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        _decode_utf8(value)
        raise InvalidMessageError(Reason.INVALID_JSON, str(error)) from None
    if not isinstance(message, dict):
        raise InvalidMessageError(Reason.NOT_AN_OBJECT, f"the value is JSON, but {_json_type(message)}")
    text: Any = message
    for name in text_field.split("."):
        text = text.get(name) if isinstance(text, dict) else None
    if text is None:
        raise InvalidMessageError(Reason.MISSING_TEXT, f"field '{text_field}' is absent or null")
    return _validated({"id": message.get("id"), "text": text}, text_field)


def decode_text(value: bytes) -> TextMessage:
    """Read plain UTF-8 text.

    Raises:
        InvalidMessageError: The value breaks the contract.
    """
    return _validated({"text": _decode_utf8(value.removeprefix(_BYTE_ORDER_MARK))}, "value")


def encode_label(label: EmotionLabel) -> bytes:
    """Write a label as JSON on one line."""
    return orjson.dumps(label)


def _decode_utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InvalidMessageError(Reason.INVALID_UTF8, f"{error.reason} at byte {error.start}") from None


def _validated(fields: dict[str, Any], text_field: str) -> TextMessage:
    try:
        message = TextMessage.model_validate(fields)
    except ValidationError as error:
        field = str(error.errors(include_input=False)[0]["loc"][0])
        name = text_field if field == "text" else field
        raise InvalidMessageError(
            Reason.WRONG_TYPE, f"field '{name}' is {_json_type(fields[field])}, expected a string"
        ) from None
    if not any(character.isprintable() and not character.isspace() for character in message.text):
        raise InvalidMessageError(Reason.EMPTY_TEXT, f"field '{text_field}' holds no visible character")
    return message


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
