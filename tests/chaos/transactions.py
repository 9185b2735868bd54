"""How transactions ended, read from a broker's own log files: the markers that no client shows."""

import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.chaos.checker import Topic, Transaction

_HEADER = struct.Struct(">qi4xb4xhiqqqh4xi")  # record batch, version 2
_AFTER_LENGTH = 12  # bytes of base offset and length itself, which the length does not count
_TRANSACTIONAL, _CONTROL = 0x10, 0x20
_COMMIT = 1


class _Batch(NamedTuple):
    first: int
    last: int
    attributes: int
    timestamp_ms: int
    producer: int
    body: bytes


def read_transactions(data: Path, topics: dict[str, Topic]) -> list[Transaction]:
    """Every ended transaction in `topics`, as far as this broker has it; `topics` says what each is to the checker."""
    found: list[Transaction] = []
    for name, topic in topics.items():
        for folder in data.glob(f"{name}-*"):
            partition = int(folder.name.rsplit("-", 1)[1])
            open_ranges: dict[int, list[tuple[int, int]]] = defaultdict(list)
            for batch in (each for log in sorted(folder.glob("*.log")) for each in _batches(log)):
                if not batch.attributes & _CONTROL:
                    if batch.attributes & _TRANSACTIONAL:
                        open_ranges[batch.producer].append((batch.first, batch.last))
                    continue
                committed = _marker_type(batch.body) == _COMMIT
                found += [
                    Transaction(topic, partition, first, last, committed, batch.timestamp_ms / 1000)
                    for first, last in open_ranges.pop(batch.producer, [])
                ]
    return found


def _batches(log: Path) -> Iterator[_Batch]:
    with log.open("rb") as file:
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            first, length, magic, attributes, delta, _, timestamp_ms, producer, _, _ = _HEADER.unpack(header)
            if magic != 2:  # the space that a broker keeps free behind the last batch
                return
            body = file.read(length + _AFTER_LENGTH - _HEADER.size)
            yield _Batch(first, first + delta, attributes, timestamp_ms, producer, body)


def _marker_type(body: bytes) -> int:
    """Of the one record of a control batch: length, attributes, two deltas and key size take a byte each."""
    version, kind = struct.unpack_from(">hh", body, 5)
    assert version == 0, f"control record of version {version}"
    return int(kind)
