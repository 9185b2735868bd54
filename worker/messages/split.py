"""Records that hold several texts: each part becomes a record of its own, under the offset of the whole."""

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson

from schemas.codec import BYTE_ORDER_MARK
from schemas.errors import InvalidMessageError
from schemas.lenient_json import load_json
from schemas.wire_format import without_prefix
from worker import loop
from worker.flow import Partition, Record, Window

MOST_PARTS = 1_000
"""Of one record: all its labels leave in one transaction."""

_MOST_LINES = 10 * MOST_PARTS  # blank ones included

Split = Callable[[bytes], Sequence[bytes]]


class SplitSource:
    """Windows of another source, whose records are split; one that becomes too large is handed on in several."""

    def __init__(self, source: loop.Source, split: Split, max_records: int) -> None:
        """Wrap.

        Args:
            source: Gives windows of whole records.
            split: Gives the parts of a value; none where it is to be read whole.
            max_records: A window holds so many parts at most, or those of one record.
        """
        self._source = source
        self._split = split
        self._max_records = max_records
        self._window = Window([], {}, None)
        self._waiting: deque[Record] = deque()  # of the window, and not handed on yet
        self._parts: list[Record] = []  # of the first of them

    def poll(self) -> Window:
        """The next window; asking for it says that the last one was delivered."""
        if not self._waiting:
            self._window = self._source.poll()
            self._waiting = deque(self._window.records)
        records: list[Record] = []
        offsets: dict[Partition, int] = {}
        while self._waiting:
            whole = self._waiting[0]
            self._parts = self._parts or self._take_apart(whole)
            if records and len(records) + len(self._parts) > self._max_records:
                return replace(self._window, records=records, next_offsets=offsets)
            records += self._parts
            offsets[Partition(whole.origin.topic, whole.origin.partition)] = whole.origin.offset + 1
            self._waiting.popleft()
            self._parts = []
        return replace(self._window, records=records)

    def rewind(self) -> None:
        """Start again at the committed offsets."""
        self._waiting.clear()
        self._parts = []
        self._source.rewind()

    def _take_apart(self, record: Record) -> list[Record]:
        parts = self._split(record.value) if record.value else ()
        return [replace(record, value=value, part=number) for number, value in enumerate(parts)] or [record]


def splitter(into: str, input_format: str, prefixed: bool, max_bytes: int) -> Split:
    """Gives the parts of a value as `EMOTION_SPLIT` says, `array` or `lines`.

    None has what is to be read whole: a value without parts, with more than MOST_PARTS, of more than `max_bytes`, or
    one that cannot be read. `prefixed`: what a schema registry's serializer puts before it may stand there.
    """
    split = _elements if into == "array" else _json_lines if input_format == "json" else _lines

    def split_bounded(value: bytes) -> Sequence[bytes]:
        if len(value) > max_bytes:
            return ()
        return split(without_prefix(value) if prefixed else value)

    return split_bounded


def _elements(value: bytes) -> Sequence[bytes]:
    found = _read(value)
    if not isinstance(found, list) or len(found) > MOST_PARTS:
        return ()
    try:
        return [written(element) for element in found]
    except RecursionError:
        return ()


def _json_lines(value: bytes) -> Sequence[bytes]:
    lines = _lines(value)
    if len(lines) > 1 and _read(lines[0]) is None and _read(value) is not None:
        return ()  # one value, written over several lines
    return lines


def _lines(value: bytes) -> Sequence[bytes]:
    if value.count(b"\n") > _MOST_LINES:
        return ()
    lines = [line.removesuffix(b"\r") for line in value.split(b"\n") if line.strip()]
    return lines if len(lines) <= MOST_PARTS else ()


def _read(value: bytes) -> object:
    """What a JSON value holds; None if it is none, too."""
    try:
        found: object = load_json(value.removeprefix(BYTE_ORDER_MARK))
    except InvalidMessageError:
        return None
    return found


def written(element: object) -> bytes:
    """A part of a JSON value as a value of its own.

    Raises:
        RecursionError: It is nested too deep.
    """
    try:
        return orjson.dumps(element)
    except orjson.JSONEncodeError:  # it reads deeper than it writes
        return json.dumps(element).encode()
