"""Batches of fetched records, read in C.

What the client does: decodes header keys as UTF-8 and raises on any other. Kafka takes such keys from every producer. A
seek past the record does not help: its neighbours in the batch can never be read. It also goes through several objects
and some fifty calls for each record, in Python: 15 µs a record on the machine that this was measured on. aiokafka,
another client, has the same reader in C: 0.2 µs. It raises on such keys, too; a batch with one is read here.
Since: headers came (1.4); 2.0.6, 2.3.3 and 3.0.12 all do.
Without the patch: one such record stops its partition for ever.
Upstream: no issue found.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch as CompiledBatch
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch


class ReadRecord:
    """A record of a batch, with the names that those read in C have."""

    __slots__ = ("headers", "key", "offset", "timestamp", "timestamp_type", "value")

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class RecordBatch(DefaultRecordBatch):  # type: ignore[misc]
    r"""A batch as it was fetched. Its records have offset, timestamp, key, value and headers.

    A header key that is no UTF-8 goes on with `\xNN` in place of its odd bytes, so that the readers of our topics do
    not break on it in their turn.
    """

    _buffer: bytes | bytearray

    def __iter__(self) -> Iterator[Any]:
        """The records; of a control batch, its marker."""
        self._maybe_uncompress()
        return self if self.is_control_batch else self._records()

    def _records(self) -> Iterator[Any]:
        self._buffer = data = bytes(self._buffer)  # in place of the other copy; slices of it are bytes at once
        if self._pos == 0:  # it was compressed, and its header is gone
            data = self._plain_header() + data
        read = 0
        try:
            for record in CompiledBatch(data):
                yield record
                read += 1
        except UnicodeDecodeError:
            yield from islice(self._records_with_odd_keys(), read, None)
        except (CorruptRecordException, OverflowError) as error:
            raise CorruptRecordError(f"Found invalid record structure: {error}") from error

    def _plain_header(self) -> bytes:
        """As if the batch had not been compressed."""
        before, (attributes, *after) = self._header_data[:5], self._header_data[5:]
        header: bytes = self.HEADER_STRUCT.pack(*before, attributes & ~self.CODEC_MASK, *after)
        return header

    def _records_with_odd_keys(self) -> Iterator[ReadRecord]:
        data, position = bytes(self._buffer), self._pos
        base_offset, first_ms, kind = self.base_offset, self.first_timestamp, self.timestamp_type
        append_ms = self.max_timestamp if kind == self.LOG_APPEND_TIME else None
        try:
            for _ in range(self._num_records):
                record = ReadRecord()
                size, position = _read_varint(data, position)
                end = position + size
                if not position < end <= len(data):
                    raise ValueError(f"a record of {size} bytes")
                delta_ms, position = _read_varint(data, position + 1)  # one byte of attributes says nothing yet
                delta, position = _read_varint(data, position)
                record.key, position = _read_bytes(data, position)
                record.value, position = _read_bytes(data, position)
                record.headers, position = _read_headers(data, position)
                if position != end:
                    raise ValueError(f"a record of {size} bytes ends {end - position} bytes early")
                record.offset = base_offset + delta
                record.timestamp = first_ms + delta_ms if append_ms is None else append_ms
                record.timestamp_type = kind
                yield record
        except (ValueError, IndexError) as error:
            raise CorruptRecordError(f"Found invalid record structure: {error!r}") from error
        if position != len(data):
            raise CorruptRecordError(f"{len(data) - position} unconsumed bytes after all records consumed")


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The number that starts there, and where the next one does."""
    byte = data[position]
    position += 1
    if byte < 0x80:  # most are that short
        return (byte >> 1) ^ -(byte & 1), position
    rest, shift = byte & 0x7F, 7
    while byte & 0x80:
        byte = data[position]
        rest |= (byte & 0x7F) << shift
        shift += 7
        position += 1
        if shift > 70:
            raise ValueError("a number of more than 64 bits")
    return (rest >> 1) ^ -(rest & 1), position


def _read_bytes(data: bytes, position: int) -> tuple[bytes | None, int]:
    size, position = _read_varint(data, position)
    if size < 0:
        return None, position
    return data[position : position + size], position + size


def _read_headers(data: bytes, position: int) -> tuple[list[tuple[str, bytes | None]], int]:
    count, position = _read_varint(data, position)
    if count < 0:
        raise ValueError(f"{count} headers")
    headers = []
    for _ in range(count):
        key, position = _read_bytes(data, position)
        if key is None:
            raise ValueError("a header without a key")
        value, position = _read_bytes(data, position)
        headers.append((key.decode(errors="backslashreplace"), value))
    return headers, position
