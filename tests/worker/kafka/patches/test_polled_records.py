"""What a fetch hands out is what the client's own would, whatever lies in the log and however it is asked for."""

import random
import struct
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import MemoryRecords, memory_records
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder

from worker.kafka.patches.apply import PATCHES, apply_patches
from worker.kafka.patches.checksums import calc_crc32c

PARTITION = TopicPartition("texts", 3)
(OWN,) = (patch for patch in PATCHES if patch.name == "_unpack_records")
PRODUCERS = range(3)


@pytest.fixture(autouse=True, scope="module")
def mended() -> None:
    apply_patches()


class Log:
    """Batches of every kind, with gaps; `aborted` as brokers tell of them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311
        self.written = b""
        self.offset = self.chance.randrange(100)
        self.first_offset = self.offset
        self.aborted: list[Any] = []
        self._begun: dict[int, int] = {}
        self._kinds: list[Callable[[], None]] = [self._plain, self._transactional, self._marker, self._gap, self._old]
        for _ in range(self.chance.randrange(30)):
            self.chance.choice(self._kinds)()
        for producer in list(self._begun):
            self._end(producer)

    def _plain(self) -> None:
        self._add(self._batch(producer=-1))

    def _transactional(self) -> None:
        producer = self.chance.choice(PRODUCERS)
        self._begun.setdefault(producer, self.offset)
        self._add(self._batch(producer))

    def _marker(self) -> None:
        if self._begun:
            self._end(self.chance.choice(list(self._begun)))

    def _gap(self) -> None:
        self.offset += self.chance.randrange(5)

    def _old(self) -> None:
        builder = LegacyRecordBatchBuilder(magic=1, compression_type=0, batch_size=1 << 20)
        for number in range(2):
            builder.append(number, timestamp=number, key=b"k", value=b"old", headers=[])
        batch = bytearray(builder.build())
        size = len(batch) // 2
        for number in range(2):  # each record is a batch of its own
            struct.pack_into(">q", batch, number * size, self.offset + number)
        self.written += bytes(batch)
        self.offset += 2

    def _end(self, producer: int) -> None:
        is_committed = self.chance.random() < 0.5
        if not is_committed:
            self.aborted.append(SimpleNamespace(producer_id=producer, first_offset=self._begun[producer]))
        del self._begun[producer]
        builder = DefaultRecordBatchBuilder(2, 0, True, producer, 0, -1, 1 << 20)
        builder.append(0, 1, struct.pack(">hh", 0, is_committed), struct.pack(">hi", 0, 0), [])
        self._add(builder, attributes=DefaultRecordBatch.CONTROL_MASK)

    def _batch(self, producer: int) -> DefaultRecordBatchBuilder:
        codec = self.chance.randrange(5)
        builder = DefaultRecordBatchBuilder(2, codec, producer >= 0, producer, 0, 0 if producer >= 0 else -1, 1 << 20)
        deltas = sorted(self.chance.sample(range(9), self.chance.randrange(7)))  # some were compacted away, or all
        for delta in deltas:
            builder.append(delta, self.chance.randrange(10**12), b"k", b"v" * delta * 9, [("h", None)] * (delta % 3))
        builder._last_offset = 8
        return builder

    def _add(self, builder: DefaultRecordBatchBuilder, attributes: int = 0) -> None:
        batch = bytearray(builder.build())
        batch[DefaultRecordBatch.ATTRIBUTES_OFFSET + 1] |= attributes
        checksum = calc_crc32c(memoryview(batch)[DefaultRecordBatch.ATTRIBUTES_OFFSET :])
        struct.pack_into(">I", batch, DefaultRecordBatch.CRC_OFFSET, checksum)
        struct.pack_into(">q", batch, 0, self.offset)
        struct.pack_into(">i", batch, 12, self.chance.randrange(9))  # the leader's epoch
        self.written += bytes(batch)
        self.offset = DefaultRecordBatch(batch).next_offset

    def fetch(self, unpack: object, isolation: IsolationLevel, first_offset: int) -> Any:
        class PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
            _unpack_records = unpack

        records = MemoryRecords(self.written)
        return PartitionRecords(
            first_offset, PARTITION, records, isolation_level=isolation, aborted_transactions=self.aborted
        )


def steps(fetch: Any, numbers: list[int]) -> list[tuple[object, ...]]:
    """What each `take` of so many gives, and where the fetch stands then."""
    found: list[tuple[object, ...]] = []
    for number in numbers:
        contents = [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in fetch.take(number)] if fetch else []
        found.append((contents, fetch.next_fetch_offset, fetch.leader_epoch, bool(fetch)))
    return [*found, (fetch.records_read, fetch.bytes_read > 0)]


@pytest.mark.parametrize("isolation", [IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED])
def test_records_and_positions_are_those_of_the_client(
    isolation: IsolationLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(200):
        log = Log(seed)
        first_offset = log.first_offset + log.chance.choice([0, 0, 4])
        numbers = [log.chance.choice([1, 2, 7, 100]) for _ in range(20)] + [1000, 1000]
        ours = steps(log.fetch(OWN.replacement, isolation, first_offset), numbers)
        with monkeypatch.context() as unpatched:
            unpatched.setattr(memory_records, "DefaultRecordBatch", DefaultRecordBatch)
            assert ours == steps(log.fetch(OWN.original, isolation, first_offset), numbers)


@pytest.mark.parametrize("kind", ["_plain", "_old"])
def test_a_batch_that_was_damaged_on_its_way_is_refused_and_all_before_it_is_read(kind: str) -> None:
    log = Log(seed=1)
    log.written, first_offset = b"", log.offset
    log._old()
    while len(log.written) < 100:
        getattr(log, kind)()
    log.written = log.written[:-1] + bytes([log.written[-1] ^ 1])
    fetch = log.fetch(OWN.replacement, IsolationLevel.READ_COMMITTED, first_offset)
    assert [record.offset for record in fetch.take(2)] == [first_offset, first_offset + 1]
    with pytest.raises(CorruptRecordError, match="checksum"):
        list(iter(partial(fetch.take, 1), []))
