"""Fetched records are handed out as they were read.

What the client does: makes a tuple of thirteen fields of each record, ten of which nobody asks for, and goes through
some fifteen calls for it: 2 µs a record on the machine that this was measured on (`python -m tests.benchmarks.client`).
Since: always; `DefaultRecord` came with 1.4.
Without the patch: reading costs three times as much.
Upstream: no issue found.
"""

from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords

_MAGIC = 2


def unpack_records(fetch: Any, partition: TopicPartition, records: MemoryRecords, *_: None) -> Iterator[Any]:
    """The records of a fetch in their order; those of aborted transactions, and markers, are left out.

    Each has offset, timestamp, key, value and headers, and none its topic and partition, which `poll` tells for all.
    Nothing is deserialized: no client of ours asks for it.

    Raises:
        CorruptRecordError: A checksum or the structure is wrong.
    """
    batch = None
    while records.has_next():
        batch = records.next_batch()
        if fetch.check_crcs and not batch.validate_crc():
            raise CorruptRecordError(f"a batch of {partition} at offset {batch.base_offset} has another checksum")
        if batch.magic != _MAGIC:
            yield from _old_records(fetch, partition, batch)
            continue
        fetch.leader_epoch = batch.leader_epoch
        if not _is_left_out(fetch, batch) and batch.records_count:  # all may have been compacted away
            for record in batch:
                fetch.next_fetch_offset = record.offset + 1
                yield record
            fetch.records_read += batch.records_count
            fetch.bytes_read += batch.size_in_bytes
        fetch.next_fetch_offset = batch.next_offset  # its last records may have been compacted away
    fetch.drain()


def _is_left_out(fetch: Any, batch: Any) -> bool:
    if fetch.isolation_level == IsolationLevel.READ_COMMITTED and batch.has_producer_id():
        fetch._consume_aborted_transactions_up_to(batch.last_offset)
        if fetch._contains_abort_marker(batch):
            fetch.aborted_producer_ids.discard(batch.producer_id)
        elif fetch._is_batch_aborted(batch):
            return True
    return bool(batch.is_control_batch)


def _old_records(fetch: Any, partition: TopicPartition, batch: Any) -> Iterator[Any]:
    """Of a format before Kafka 0.11, in which each record has a checksum."""
    for record in batch:
        if fetch.check_crcs and not record.validate_crc():
            raise CorruptRecordError(f"the record of {partition} at offset {record.offset} has another checksum")
        fetch.next_fetch_offset = record.offset + 1
        fetch.records_read += 1
        fetch.bytes_read += record.size_in_bytes
        yield record
