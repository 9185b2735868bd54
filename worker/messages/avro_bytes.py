"""Avro's simple types at a place in some bytes: how they are read, and how they are passed over.

Bytes that do not fit raise any error, or end beyond the end: whoever reads looks where the last value ended.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any

Read = Callable[[bytes, int], tuple[Any, int]]
"""What stands at a place, and the place behind it."""

Skip = Callable[[bytes, int], int]
"""The place behind what stands at a place."""

_MOST_SHIFTS = 63  # of a number of 64 bits
_WIDTHS = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_DOUBLE = Struct("<d")


def width_skipper(width: int) -> Skip:
    """Passes over so many bytes."""
    return lambda _, at: at + width


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """Reads an int or a long."""
    byte = data[at]
    number, shift = byte & 127, 7
    while byte > 127:
        if shift > _MOST_SHIFTS:
            raise OverflowError
        at += 1
        byte = data[at]
        number |= (byte & 127) << shift
        shift += 7
    return (number >> 1) ^ -(number & 1), at + 1


def _skip_long(data: bytes, at: int) -> int:
    while data[at] > 127:
        at += 1
    return at + 1


def skip_bytes(data: bytes, at: int) -> int:
    """Passes over a string or bytes: their length, and then so many."""
    byte = data[at]
    if byte < 128 and not byte & 1:
        return at + 1 + (byte >> 1)
    length, at = read_long(data, at)
    if length < 0:
        raise EOFError
    return at + length


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    byte = data[at]
    if byte < 128 and not byte & 1:
        at += 1
        end = at + (byte >> 1)
    else:
        length, at = read_long(data, at)
        if length < 0:
            raise EOFError
        end = at + length
    return data[at:end].decode(), end


def _read_null(_: bytes, at: int) -> tuple[None, int]:
    return None, at


def _read_boolean(data: bytes, at: int) -> tuple[bool, int]:
    return data[at] != 0, at + 1


def _read_double(data: bytes, at: int) -> tuple[float, int]:
    return _DOUBLE.unpack_from(data, at)[0], at + _DOUBLE.size


READERS: dict[str, Read] = {
    "string": _read_text,
    "int": read_long,
    "long": read_long,
    "null": _read_null,
    "boolean": _read_boolean,
    "double": _read_double,
}
SKIPS: dict[str, Skip] = {
    "string": skip_bytes,
    "bytes": skip_bytes,
    "int": _skip_long,
    "long": _skip_long,
} | {kind: width_skipper(width) for kind, width in _WIDTHS.items()}
