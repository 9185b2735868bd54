"""The client's records as ours, and our offsets as the client's."""

from collections.abc import Iterable, Mapping
from typing import Any

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from schemas.emotion_label import Source
from worker.flow import Partition, Record


def to_records(partition: TopicPartition, polled: Iterable[Any]) -> list[Record]:
    """What the client polled of a partition."""
    topic, number = partition
    return [
        Record(
            Source(topic, number, each.offset, stamp if (stamp := each.timestamp) is None or stamp >= 0 else None),
            each.key,
            each.value,
            each.headers,
        )
        for each in polled
    ]


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
