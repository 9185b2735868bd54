"""Batches of records to send, written in C.

What the client does: makes an object, a future and a lock of each record it is to send: 45 µs a record on the machine
that this was measured on (`python -m tests.benchmarks.client`). aiokafka, another client, writes the same format in C:
0.3 µs. What the brokers then get is of this client: header, compression, checksum.
Since: always.
Without the patch: writing costs more CPU than all else but the model.
Upstream: no issue found.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from aiokafka.record.default_records import DefaultRecordBatchBuilder as CompiledBuilder
from kafka import TopicPartition
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecordsBuilder

_MAGIC = 2


class Sendable(Protocol):
    """What becomes a record. Without a timestamp it gets that at which it is written."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int | None


def make_batches(
    partition: TopicPartition, records: Sequence[Sendable], compression: int, batch_bytes: int
) -> list[ProducerBatch]:
    """Batches of at most `batch_bytes` uncompressed that hold the records in their order; one too large is alone."""
    batches: list[ProducerBatch] = []
    start = 0
    while start < len(records):
        builder = MemoryRecordsBuilder(_MAGIC, compression, batch_bytes)
        start += _fill(builder, records, start, batch_bytes)
        batches.append(ProducerBatch(partition, builder))
    return batches


def _fill(builder: MemoryRecordsBuilder, records: Sequence[Sendable], start: int, batch_bytes: int) -> int:
    """Write as many records as fit; returns how many."""
    written = CompiledBuilder(_MAGIC, 0, 0, -1, -1, -1, batch_bytes)  # without compression, which comes later
    append = written.append
    for delta, record in enumerate(islice(records, start, None)):
        if append(delta, record.timestamp_ms, record.key, record.value, record.headers) is None:
            break
    buffer = written.build()
    header = DefaultRecordBatch.HEADER_STRUCT
    *_, first_ms, latest_ms, _, _, _, count = header.unpack_from(buffer)
    batch = builder._builder
    batch._buffer += memoryview(buffer)[header.size :]
    batch._first_timestamp, batch._max_timestamp = first_ms, latest_ms
    batch._num_records, batch._last_offset = count, count - 1
    builder._next_offset = count
    return int(count)
