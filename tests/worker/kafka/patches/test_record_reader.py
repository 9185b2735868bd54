"""Record batches: what ours writes the client reads, what the client writes ours reads, and what is broken is told."""

import random
from dataclasses import dataclass, field

import pytest
from kafka import TopicPartition
from kafka.errors import CorruptRecordError
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


def test_we_read_what_the_client_writes() -> None:
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 30)
    for offset, record in enumerate(random_records(200, seed=2)):
        builder.append(offset, record.timestamp_ms, record.key, record.value, record.headers)
    buffer = bytes(builder.build())
    assert contents([buffer], RecordBatch) == contents([buffer], DefaultRecordBatch)


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


def test_a_header_key_that_is_no_utf8_is_escaped_and_its_neighbours_are_read() -> None:
    (buffer,) = wire([Out(value=b"before"), Out(headers=[("AB", b"1")]), Out(value=b"after")])
    broken = buffer.replace(b"\x04AB", b"\x04\xff\xfe")
    assert [r.headers for r in RecordBatch(broken)] == [[], [("\\xff\\xfe", b"1")], []]


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
