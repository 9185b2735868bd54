"""Bytes to message and message to bytes, and nothing else."""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any
from unicodedata import category

import orjson
from pydantic import JsonValue

from schemas.change_event import MARK, is_deleted
from schemas.dead_letter import Reason
from schemas.disagreement import Disagreement
from schemas.emotion_label import EmotionLabel
from schemas.errors import DeletedRowError, InvalidMessageError, NoTextError, SkippedMessageError
from schemas.field_path import ABSENT, FieldPath, json_type, opened
from schemas.fields import Fields
from schemas.lenient_json import SEVERAL_TEXTS, decode_utf8, load_json
from schemas.review_record import ReviewRecord
from schemas.text_message import DecodedMessage, SkipReason

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decode_json(value: bytes, fields: Fields = Fields()) -> DecodedMessage:  # noqa: B008 - it is frozen
    """Read a JSON object.

    Args:
        value: UTF-8, with or without a byte order mark.
        fields: Where the parts of the message lie in it, and which objects are messages.

    Raises:
        DeletedRowError: It is a change event that deletes the text.
        InvalidMessageError: The value breaks the contract.
        SkippedMessageError: It is no message that is meant, or has no new text.
    """
    message = load_json(value.removeprefix(BYTE_ORDER_MARK))
    if not isinstance(message, dict):
        message = opened(message)
        if not isinstance(message, dict):
            return DecodedMessage(_bare_text(message, fields))
    return read_object(message, fields)


def read_object(message: dict[str, Any], fields: Fields) -> DecodedMessage:
    """Read an object whose bytes are decoded already: of JSON, or what stands for one elsewhere.

    Raises:
        DeletedRowError: It is a change event that deletes the text.
        InvalidMessageError: The object breaks the contract.
        SkippedMessageError: It is no message that is meant, or has no new text.
    """
    if (MARK in message or fields.is_nested) and is_deleted(message, fields):
        raise DeletedRowError(Reason.MISSING_TEXT, "the row was deleted")
    if fields.conditions and not all(condition.holds(message) for condition in fields.conditions):
        raise SkippedMessageError(SkipReason.CONDITION)
    if fields.names:
        text, identity = message.get(fields.names[0]), message.get(fields.names[1])
    else:
        text, identity = fields.text[0].find(message), fields.id.find(message)
    # Nearly every text is where it should be, and starts with a visible character.
    if not (isinstance(text, str) and "!" <= text[:1] <= "~" and text != fields.unavailable):
        text = _text(message, fields)
    if type(identity) is int:  # the keys of other people's tables are numbers
        identity = str(identity)
    elif not isinstance(identity, str):
        identity = None  # a strange id must not cost the text
    found = DecodedMessage(text, identity)
    if fields.copied:
        found.copied = _copied(message, fields.copied)
    return found


def decode_text(value: bytes) -> DecodedMessage:
    """Read plain UTF-8 text.

    Raises:
        InvalidMessageError: The value breaks the contract.
    """
    text = decode_utf8(value.removeprefix(BYTE_ORDER_MARK))
    if not _has_visible(text):
        raise NoTextError(Reason.EMPTY_TEXT, "the value holds no visible character")
    return DecodedMessage(text)


def encode_label(label: EmotionLabel) -> bytes:
    """Write a label as JSON on one line."""
    return orjson.dumps(label)


def encode_review(review: ReviewRecord) -> bytes:
    """Write a text for review as JSON on one line."""
    return orjson.dumps(review)


def encode_disagreement(disagreement: Disagreement) -> bytes:
    """Write a disagreement as JSON on one line."""
    return orjson.dumps(disagreement)


def _bare_text(message: object, fields: Fields) -> str:
    if message is None or message == []:
        raise NoTextError(
            Reason.NOT_AN_OBJECT, f"the value is JSON, but {'null' if message is None else 'an empty array'}"
        )
    if not (fields.bare_texts and isinstance(message, str)):
        several = SEVERAL_TEXTS if isinstance(message, list) else ""
        raise InvalidMessageError(Reason.NOT_AN_OBJECT, f"the value is JSON, but {json_type(message)}{several}")
    if not all(condition.holds({}) for condition in fields.conditions):
        raise SkippedMessageError(SkipReason.CONDITION)
    if not _has_visible(message):
        raise NoTextError(Reason.EMPTY_TEXT, "the string holds no visible character")
    return _sent(message, fields)


def _text(message: dict[str, Any], fields: Fields) -> str:
    for path in fields.text:
        text = path.find(message)
        if isinstance(text, str) and _has_visible(text):
            return _sent(text, fields)
    raise _no_text(message, fields.text)


def _sent(text: str, fields: Fields) -> str:
    if text == fields.unavailable:
        raise SkippedMessageError(SkipReason.UNCHANGED_TEXT)
    return text


def _no_text(message: dict[str, Any], paths: Iterable[FieldPath]) -> InvalidMessageError:
    """What each of these paths leads to. The reason is that of the first that leads to anything."""
    reasons, details = [], []
    kind: type[InvalidMessageError] = NoTextError
    for path in paths:
        found = path.find(message)
        if found is None:
            obstacle = path.obstacle(message)
            reason, detail = Reason.MISSING_TEXT, "is absent or null" + (obstacle.words and f": {obstacle.words}")
            kind = kind if obstacle.is_gap else InvalidMessageError
        elif isinstance(found, str):
            reason, detail = Reason.EMPTY_TEXT, "holds no visible character"
        else:
            reason, detail, kind = Reason.WRONG_TYPE, f"is {json_type(found)}, expected a string", InvalidMessageError
        reasons.append(reason)
        details.append(f"field '{path}' {detail}")
    worst = max(reasons, key=(Reason.MISSING_TEXT, Reason.EMPTY_TEXT, Reason.WRONG_TYPE).index)
    return kind(worst, "; ".join(details))


def _copied(message: dict[str, Any], paths: Iterable[FieldPath]) -> dict[str, JsonValue]:
    copied = {str(path): part for path in paths if (part := path.find(message, ABSENT)) is not ABSENT}
    try:
        if copied:
            orjson.dumps({"copied": copied})  # it reads deeper than it writes
    except orjson.JSONEncodeError:
        return _without_bytes(copied)
    return copied


def _without_bytes(copied: dict[str, Any]) -> dict[str, JsonValue]:
    """The same in what JSON has: of bytes, which Avro knows, their base64."""
    try:
        written = orjson.dumps({"copied": copied}, default=_base64)
    except orjson.JSONEncodeError:
        raise InvalidMessageError(Reason.INVALID_JSON, "a field to be copied is nested too deep") from None
    found: dict[str, JsonValue] = orjson.loads(written)["copied"]
    return found


def _base64(content: object) -> str:
    if isinstance(content, bytes):
        return b64encode(content).decode()
    raise TypeError(f"{type(content).__name__} is not of JSON")


def _has_visible(text: str) -> bool:
    return "!" <= text[:1] <= "~" or any(map(_is_visible, text))


def _is_visible(character: str) -> bool:
    """No space, control or format character; one that this Python does not know yet may be the newest emoji."""
    return not character.isspace() and (character.isprintable() or category(character) in ("Cn", "Co"))
