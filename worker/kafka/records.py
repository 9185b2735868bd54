"""The client's records as ours."""

from typing import Any

from schemas.emotion_label import Source
from worker.flow import Record


def to_record(record: Any) -> Record:
    """One record of the client's."""
    timestamp_ms = record.timestamp if record.timestamp is not None and record.timestamp >= 0 else None
    origin = Source(record.topic, record.partition, record.offset, timestamp_ms)
    return Record(origin, record.key, record.value, record.headers)


def size_bytes(records: list[Record]) -> int:
    """Keys, values and header values of them all."""
    return sum(len(r.value or b"") + len(r.key or b"") + sum([len(v or b"") for _, v in r.headers]) for r in records)
