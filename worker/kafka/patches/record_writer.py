"""Batches of records to send, written in one loop.

What the client does: makes an object, a future and a lock of each record it is to send: 45 µs a record on the machine
that this was measured on (`python -m tests.benchmarks.client`). The format is the same here.
Since: always.
Without the patch: writing costs more CPU than all else but the model.
Upstream: no issue found.
"""

import time
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from kafka import TopicPartition
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder

_MAGIC = 2
_SMALL = 1 << 13  # varints of up to two bytes come from a table


class Sendable(Protocol):
    """What becomes a record."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int | None


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
            b"\1" if key is None else _varint(len(key)),  # 1 says -1
            key or b"",
            b"\1" if value is None else _varint(len(value)),
            value or b"",
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
