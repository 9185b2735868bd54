"""Record batches: what ours writes the client reads, what the client writes ours reads, and what is broken is told."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import CorruptRecordError
from kafka.record import default_records
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords

from worker.kafka.patches.apply import apply_patches
from worker.kafka.patches.record_reader import RecordBatch
from worker.kafka.patches.record_writer import make_batches

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
Content = tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]


@pytest.fixture(autouse=True, scope="module")
def mended() -> None:
    apply_patches()


@dataclass
class Out:
    key: bytes | None = None
    value: bytes | None = b"v"
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    timestamp_ms: int | None = 1_764_000_000_000


def random_records(count: int, seed: int) -> list[Out]:
    chance = random.Random(seed)  # noqa: S311
    sizes = [0, 1, 63, 64, 8191, 8192, 20_000]
    return [
        Out(
            chance.choice([None, b"", b"k" * chance.choice(sizes)]),
            chance.choice([None, b"v" * chance.choice(sizes)]),
            [(f"h{n}é", b"x" * chance.choice(sizes)) for n in range(chance.choice([0, 0, 1, 70]))],
            1_764_000_000_000 + chance.randint(-(10**10), 10**10),
        )
        for _ in range(count)
    ]


def wire(records: list[Out], codec: str = "none", batch_bytes: int = 1 << 20) -> list[bytes]:
    written = []
    for batch in make_batches(TopicPartition("t", 0), records, CODECS[codec], batch_bytes):
        batch.records.close()
        written.append(bytes(batch.records.buffer()))
    return written


def contents(batches: list[bytes], reader: type) -> list[Content]:
    found = []
    for buffer in batches:
        batch = reader(buffer)
        assert batch.validate_crc()
        found += [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in batch]
    return found


@pytest.mark.parametrize("codec", CODECS)
def test_the_client_reads_what_we_write_in_its_order(codec: str) -> None:
    records = random_records(300, seed=1)
    batches = wire(records, codec)
    expected = [(r.timestamp_ms, r.key, r.value, r.headers) for r in records]
    assert len(batches) > 1
    assert [content[1:] for content in contents(batches, DefaultRecordBatch)] == expected
    assert contents(batches, RecordBatch) == contents(batches, DefaultRecordBatch)


def written_by_the_client(records: Iterable[Out], codec: str) -> bytes:
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], False, -1, -1, -1, 1 << 30)
    for offset, record in enumerate(records):
        builder.append(offset, record.timestamp_ms, record.key, record.value, record.headers)
    return bytes(builder.build())


@pytest.mark.parametrize("codec", CODECS)
def test_what_we_write_is_what_the_client_writes_to_the_byte(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 0.0)  # gzip writes it down
    records = iter(random_records(300, seed=5))
    batches = wire(random_records(300, seed=5), codec)
    for batch in batches:
        assert written_by_the_client(islice(records, DefaultRecordBatch(batch).records_count), codec) == batch
    assert not list(records)


@pytest.mark.parametrize("codec", CODECS)
def test_we_read_what_the_client_writes(codec: str) -> None:
    records: list[Any] = [*random_records(300, seed=2), Out(headers=[("null", None)])]  # type: ignore[list-item]
    buffer = written_by_the_client(records, codec)
    assert contents([buffer], RecordBatch) == contents([buffer], DefaultRecordBatch)


def test_the_time_of_arrival_is_that_of_the_batch() -> None:
    buffer = bytearray(wire(random_records(20, seed=6))[0])
    buffer[DefaultRecordBatch.ATTRIBUTES_OFFSET + 1] |= DefaultRecordBatch.TIMESTAMP_TYPE_MASK
    assert [r.timestamp for r in RecordBatch(buffer)] == [r.timestamp for r in DefaultRecordBatch(buffer)]
    assert {r.timestamp_type for r in RecordBatch(buffer)} == {DefaultRecordBatch.LOG_APPEND_TIME}


def test_a_batch_keeps_within_its_limit_and_a_record_too_large_for_it_is_alone() -> None:
    records = [Out(value=b"x" * size) for size in (400, 400, 400, 5000, 400)]
    batches = wire(records, batch_bytes=1000)
    assert [[len(content[3] or b"") for content in contents([batch], RecordBatch)] for batch in batches] == [
        [400, 400],
        [400],
        [5000],
        [400],
    ]
    assert all(len(batch) <= 1000 for batch in batches if len(batch) < 5000)


def test_a_record_without_a_timestamp_gets_one() -> None:
    ((_, timestamp, *_),) = contents(wire([Out(timestamp_ms=None)]), DefaultRecordBatch)
    assert timestamp > 1_764_000_000_000


@pytest.mark.parametrize("codec", CODECS)
def test_a_header_key_that_is_no_utf8_is_escaped_and_its_neighbours_are_read(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [Out(value=b"before" * 99), Out(headers=[("AB", b"1")]), Out(value=b"after" * 99)]
    encode = getattr(default_records, f"{codec}_encode", None)
    if encode is not None:
        monkeypatch.setattr(default_records, f"{codec}_encode", lambda plain: encode(with_odd_key(plain)))
    (buffer,) = wire(records, codec)
    broken = buffer if encode else with_odd_key(buffer)
    batch = RecordBatch(broken)
    assert [(r.offset, r.value, r.headers) for r in batch] == [
        (0, b"before" * 99, []),
        (1, b"v", [("\\xff\\xfe", b"1")]),
        (2, b"after" * 99, []),
    ]
    assert batch.compression_type == CODECS[codec]


def with_odd_key(plain: bytes) -> bytes:
    assert b"\x04AB" in plain
    return plain.replace(b"\x04AB", b"\x04\xff\xfe")


def test_a_batch_that_was_damaged_on_its_way_is_refused() -> None:
    (buffer,) = wire(random_records(3, seed=3))
    assert not RecordBatch(buffer[:-1] + bytes([buffer[-1] ^ 1])).validate_crc()


def test_whatever_is_wrong_with_the_structure_is_a_corrupt_record() -> None:
    (buffer,) = wire([Out(b"key", b"value", [("h", b"1")]) for _ in range(5)])
    chance = random.Random(4)  # noqa: S311
    start = DefaultRecordBatch.HEADER_STRUCT.size
    refused = 0
    for _ in range(2000):
        damaged = bytearray(buffer)
        damaged[chance.randrange(start, len(damaged))] = chance.randrange(256)
        try:
            list(RecordBatch(damaged))
        except CorruptRecordError:
            refused += 1
    assert refused > 500
    for end in range(start, len(buffer)):
        with pytest.raises(CorruptRecordError):
            list(RecordBatch(buffer[:end]))
    with pytest.raises(CorruptRecordError, match="unconsumed"):
        list(RecordBatch(buffer + b"\0"))


def test_the_fetcher_is_given_our_reader() -> None:
    assert isinstance(MemoryRecords(wire([Out()])[0]).next_batch(), RecordBatch)
