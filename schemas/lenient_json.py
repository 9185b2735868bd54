"""JSON, and what Python's own `json` and JavaScript write beyond it: NaN, Infinity, half a surrogate pair."""

import json
import re
from typing import Any

import orjson

from schemas.dead_letter import Reason
from schemas.errors import InvalidMessageError, NoTextError

_TOO_DEEP = "depth limit"
# An escape in a JSON string: a surrogate pair, half of one, or any other.
_HEX = "[0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\u[dD][89abAB]{_HEX}\\u[dD][c-fC-F]{_HEX}|(?P<half>\\u[dD][89a-fA-F]{_HEX})|\\.", re.DOTALL)
_64_BITS = range(-(2**63), 2**64)
SEVERAL_TEXTS = "; send each text in a record of its own, or see EMOTION_SPLIT"


def load_json(value: bytes | str) -> Any:
    """What a value holds.

    Raises:
        InvalidMessageError: It is no JSON in any sense.
    """
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return _load_leniently(decode_utf8(value) if isinstance(value, bytes) else value, error)


def _load_leniently(text: str, error: orjson.JSONDecodeError) -> Any:
    if not text.strip():
        raise NoTextError(Reason.INVALID_JSON, "the value is empty")
    refused = InvalidMessageError(Reason.INVALID_JSON, str(error))
    if _TOO_DEEP in str(error):
        raise refused from None
    try:
        return json.loads(_ESCAPE.sub(_whole, text), parse_int=_number)
    except (ValueError, RecursionError) as told:
        if isinstance(told, json.JSONDecodeError) and told.msg == "Extra data":  # such as newline-delimited JSON
            refused = InvalidMessageError(Reason.INVALID_JSON, f"{error}{SEVERAL_TEXTS}")
        raise refused from None


def decode_utf8(value: bytes) -> str:
    """The text of these bytes.

    Raises:
        InvalidMessageError: They are none.
    """
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InvalidMessageError(Reason.INVALID_UTF8, f"{error.reason} at byte {error.start}") from None


def _number(digits: str) -> int | float:
    """An integer where 64 bits hold it, as orjson reads it; a longer one is a float."""
    return number if len(digits) <= 20 and (number := int(digits)) in _64_BITS else float(digits)


def _whole(escape: re.Match[str]) -> str:
    return r"\ufffd" if escape["half"] else escape[0]
