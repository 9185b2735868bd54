"""Records that hold several texts: each part becomes a record of its own, under the offset of the whole."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import orjson

from schemas.codec import BYTE_ORDER_MARK
from schemas.errors import InvalidMessageError
from schemas.lenient_json import load_leniently
from schemas.wire_format import without_prefix
from worker import loop
from worker.flow import Record, Window

MOST_PARTS = 10_000
"""Of one record: all its labels leave in one transaction."""

Split = Callable[[bytes], list[bytes]]


class SplitSource:
    """Windows of another source, whose records are split."""

    def __init__(self, source: loop.Source, split: Split) -> None:
        self._source = source
        self._split = split

    def poll(self) -> Window:
        """The next window; asking for it says that the last one was delivered."""
        window = self._source.poll()
        return replace(window, records=[part for record in window.records for part in self._parts(record)])

    def rewind(self) -> None:
        """Start again at the committed offsets."""
        self._source.rewind()

    def _parts(self, record: Record) -> list[Record]:
        parts = self._split(record.value) if record.value else []
        return [replace(record, value=value, part=number) for number, value in enumerate(parts)] or [record]


def splitter(into: str, input_format: str, max_bytes: int) -> Split:
    """Gives the parts of a value as `EMOTION_SPLIT` says, `array` or `lines`; empty: the value is to be read whole.

    Whole is left what has no part, more than MOST_PARTS or more than `max_bytes`, or cannot be read.
    """
    split = _elements if into == "array" else partial(_lines, input_format == "json")

    def split_bounded(value: bytes) -> list[bytes]:
        parts = split(value) if len(value) <= max_bytes else []
        return parts if len(parts) <= MOST_PARTS else []

    return split_bounded


def _elements(value: bytes) -> list[bytes]:
    value = without_prefix(value).removeprefix(BYTE_ORDER_MARK)
    try:
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            found = load_leniently(value, error)
        return list(map(orjson.dumps, found)) if isinstance(found, list) else []
    except (InvalidMessageError, orjson.JSONEncodeError):  # it reads deeper than it writes
        return []


def _lines(prefixed: bool, value: bytes) -> list[bytes]:
    lines = (without_prefix(value) if prefixed else value).split(b"\n")
    return [line.removesuffix(b"\r") for line in lines if line.strip()]
