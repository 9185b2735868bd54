"""Record batches of kafka-python 3.0.12, read and written as wholes.

The client goes through several objects, locks and some fifty calls for each record, in Python: 15 µs to read one and
45 µs to write one on the machine that this was measured on. The format is the same here; the loop is one.
"""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from kafka import TopicPartition
from kafka.errors import CorruptRecordError
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecordsBuilder

_MAGIC = 2
_SMALL = 1 << 13  # varints of up to two bytes come from a table


class Sendable(Protocol):
    """What becomes a record."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int | None


class ReadRecord:
    """A record of a batch, with the names that the client's fetcher asks for."""

    __slots__ = ("headers", "key", "offset", "size_in_bytes", "timestamp", "timestamp_type", "value")

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    size_in_bytes: int
    checksum = None  # a batch has one for all

    def validate_crc(self) -> bool:
        """The batch's own checksum was looked at before."""
        return True


class RecordBatch(DefaultRecordBatch):  # type: ignore[misc]
    r"""A batch as it was fetched, read in one loop.

    A header key that is no UTF-8 goes on with `\xNN` in place of its odd bytes, so that the readers of our topics do
    not break on it in their turn. Kafka takes such keys from any producer; kafka-python raises on them, and a seek past
    the record does not help: its neighbours in the batch could never be read.
    """

    def __iter__(self) -> Iterator[Any]:
        """The records; of a control batch, its marker."""
        self._maybe_uncompress()
        return self if self.is_control_batch else self._records()

    def _records(self) -> Iterator[ReadRecord]:
        data, position = bytes(self._buffer), self._pos  # one copy: slices of it are bytes at once
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
                record.offset, record.size_in_bytes = base_offset + delta, size
                record.timestamp = first_ms + delta_ms if append_ms is None else append_ms
                record.timestamp_type = kind
                yield record
        except (ValueError, IndexError) as error:
            raise CorruptRecordError(f"Found invalid record structure: {error!r}") from error
        if position != len(data):
            raise CorruptRecordError(f"{len(data) - position} unconsumed bytes after all records consumed")


def make_batches(
    partition: TopicPartition, records: Sequence[Sendable], compression: int, batch_bytes: int
) -> list[ProducerBatch]:
    """Batches of at most `batch_bytes` uncompressed that hold the records in their order; one too large is alone."""
    now_ms = int(time.time() * 1000)
    batches: list[ProducerBatch] = []
    start = 0
    while start < len(records):
        builder = MemoryRecordsBuilder(_MAGIC, compression, batch_bytes)
        start += _fill(builder, records, start, batch_bytes, now_ms)
        batches.append(ProducerBatch(partition, builder))
    return batches


def _fill(builder: MemoryRecordsBuilder, records: Sequence[Sendable], start: int, batch_bytes: int, now_ms: int) -> int:
    """Write as many records as fit; returns how many."""
    batch = builder._builder
    parts: list[bytes] = []
    room = batch_bytes - len(batch._buffer)
    first_ms = latest_ms = _timestamp_ms(records[start], now_ms)
    count = 0
    for record in islice(records, start, None):
        at_ms = _timestamp_ms(record, now_ms)
        written = _write_record(record, at_ms - first_ms, count)
        room -= len(written)
        if room < 0 and parts:
            break
        parts.append(written)
        latest_ms = max(latest_ms, at_ms)
        count += 1
    batch._buffer += b"".join(parts)
    batch._first_timestamp, batch._max_timestamp = first_ms, latest_ms
    batch._num_records, batch._last_offset = count, count - 1
    builder._next_offset = count
    return count


def _timestamp_ms(record: Sendable, now_ms: int) -> int:
    return now_ms if record.timestamp_ms is None else record.timestamp_ms


def _write_record(record: Sendable, delta_ms: int, delta: int) -> bytes:
    key, value, headers = record.key, record.value, record.headers
    body = b"".join(
        (
            b"\0",
            _varint(delta_ms),
            _varint(delta),
            b"\1" if key is None else _varint(len(key)) + key,  # 1 says -1
            b"\1" if value is None else _varint(len(value)) + value,
            _write_headers(headers) if headers else b"\0",
        )
    )
    return _varint(len(body)) + body


def _write_headers(headers: list[tuple[str, bytes]]) -> bytes:
    parts = [_varint(len(headers))]
    for name, value in headers:
        key = name.encode()
        parts += (_varint(len(key)), key, _varint(len(value)), value)
    return b"".join(parts)


def _varint(number: int) -> bytes:
    return _TABLE[number] if 0 <= number < _SMALL else _write_varint(number)


def _write_varint(number: int) -> bytes:
    rest = (number << 1) ^ (number >> 63)
    written = bytearray()
    while rest > 0x7F:
        written.append(0x80 | (rest & 0x7F))
        rest >>= 7
    written.append(rest)
    return bytes(written)


_TABLE = [_write_varint(number) for number in range(_SMALL)]


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The number that starts there, and where the next one does."""
    byte = data[position]
    rest, shift = byte & 0x7F, 7
    position += 1
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
