"""The client's records as ours, and our offsets as the client's."""

from collections.abc import Mapping
from typing import Any

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from schemas.emotion_label import Source
from worker.flow import Partition, Record


def to_record(record: Any) -> Record:
    """One record of the client's."""
    timestamp_ms = record.timestamp
    if timestamp_ms is not None and timestamp_ms < 0:
        timestamp_ms = None
    origin = Source(record.topic, record.partition, record.offset, timestamp_ms)
    return Record(origin, record.key, record.value, record.headers)


def to_commit(
    offsets: Mapping[Partition, int], topic_ids: Mapping[str, str] | None = None
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Offsets as the client commits them, each with the id of its topic where that is known."""
    ids = topic_ids or {}
    return {
        TopicPartition(*partition): OffsetAndMetadata(offset, ids.get(partition.topic, ""), -1)
        for partition, offset in offsets.items()
    }


def size_bytes(records: list[Record]) -> int:
    """Keys, values and header values of them all."""
    return sum(len(r.value or b"") + len(r.key or b"") + sum([len(v or b"") for _, v in r.headers]) for r in records)
