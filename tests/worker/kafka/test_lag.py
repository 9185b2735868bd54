"""For how long a lag has lasted. That it is held against the brokers is in tests/integration/test_lag.py."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.future import Future

from schemas.emotion_label import Source as Origin
from worker.flow import Lag, Partition, Record
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.lag import LagWatch

P0 = Partition("in", 0)
OF_KAFKA = TopicPartition("in", 0)
NOW = 1_000_000.0


@dataclass
class Brokers:
    """What brokers and client tell, and the clock; a consumer that knows of no fetch."""

    end: int | None = None
    buffered_ms: int | None = None
    now: float = NOW
    asked: list[float] = field(default_factory=list)

    def highwater(self, _: TopicPartition) -> int | None:
        return None

    def answer(self, *_: Any) -> Future:
        self.asked.append(self.now)
        return Future().success({} if self.end is None else {OF_KAFKA: self.end})

    def buffered(self, *_: Any) -> dict[TopicPartition, int]:
        return {} if self.buffered_ms is None else {OF_KAFKA: self.buffered_ms}


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> Brokers:
    brokers = Brokers()
    monkeypatch.setattr("worker.kafka.lag.ask_log_ends", brokers.answer)
    monkeypatch.setattr("worker.kafka.lag.buffered_times_ms", brokers.buffered)
    return brokers


@pytest.fixture
def committed() -> CommittedOffsets:
    return CommittedOffsets()


@pytest.fixture
def watch(brokers: Brokers, committed: CommittedOffsets) -> LagWatch:
    watch = LagWatch(brokers, committed, lambda: brokers.now)
    watch.begin({OF_KAFKA: 100})
    return watch


def look(watch: LagWatch, brokers: Brokers, after_seconds: float = 4) -> Lag | None:
    """Some seconds later, once the brokers have answered what they were asked then."""
    brokers.now += after_seconds
    watch.look()
    return watch.look()[P0]


def records(first: int, last: int, stamp_ms: int | None) -> list[Record]:
    return [Record(Origin("in", 0, offset, stamp_ms), b"", b"", []) for offset in range(first, last + 1)]


def test_before_the_brokers_have_answered_nothing_is_known(watch: LagWatch, brokers: Brokers) -> None:
    assert look(watch, brokers) is None


def test_brokers_are_asked_every_three_seconds(watch: LagWatch, brokers: Brokers) -> None:
    brokers.end = 100
    for _ in range(100):
        look(watch, brokers, after_seconds=0.25)
    assert len(brokers.asked) == 9


def test_a_partition_that_has_just_come_is_as_old_as_what_was_fetched_of_it(watch: LagWatch, brokers: Brokers) -> None:
    brokers.end = 150
    assert look(watch, brokers) == Lag(50, 4.0)  # nothing was fetched yet: since it came
    brokers.buffered_ms = int(NOW * 1000) - 3_600_000
    assert look(watch, brokers, 6) == Lag(50, 3610.0)


def test_while_a_window_is_labelled_its_first_record_counts(watch: LagWatch, brokers: Brokers) -> None:
    brokers.end = 150
    watch.gather(records(100, 119, int(NOW * 1000) - 600_000))
    brokers.buffered_ms = int(NOW * 1000) - 300_000  # of what comes after it
    assert look(watch, brokers, 10) == Lag(50, 610.0)


@pytest.mark.parametrize(("buffered_ms", "seconds"), [(int(NOW * 1000) - 300_000, 310.0), (None, 610.0)])
def test_once_it_is_delivered_what_follows_counts_or_else_its_last_record(
    buffered_ms: int | None, seconds: float, watch: LagWatch, brokers: Brokers, committed: CommittedOffsets
) -> None:
    brokers.end, brokers.buffered_ms = 150, buffered_ms
    watch.gather(records(100, 119, int(NOW * 1000) - 600_000))
    committed.add({P0: 120})
    assert look(watch, brokers, 10) == Lag(30, seconds)


def test_a_text_that_came_late_has_not_waited_longer_than_since_there_was_no_lag(
    watch: LagWatch, brokers: Brokers
) -> None:
    brokers.end = 100
    assert look(watch, brokers, 4) == Lag(0, 0.0)
    brokers.end, brokers.buffered_ms = 101, int(NOW * 1000) - 86_400_000
    assert look(watch, brokers, 5) == Lag(1, 5.0)
    assert look(watch, brokers, 60) == Lag(1, 65.0)


def test_records_without_a_time_wait_since_there_was_no_lag(
    watch: LagWatch, brokers: Brokers, committed: CommittedOffsets
) -> None:
    brokers.end = 100
    look(watch, brokers, 4)
    brokers.end = 150
    watch.gather(records(100, 119, None))
    assert look(watch, brokers, 5) == Lag(50, 5.0)


def test_who_is_no_leader_of_it_leaves_what_was_known_before(watch: LagWatch, brokers: Brokers) -> None:
    brokers.end = 150
    look(watch, brokers)
    brokers.end = None
    assert look(watch, brokers) == Lag(50, 8.0)


def test_a_partition_in_which_others_read_on_is_not_as_old_as_what_was_read_here(
    watch: LagWatch, brokers: Brokers, committed: CommittedOffsets
) -> None:
    brokers.end = 9_000
    watch.gather(records(100, 119, int(NOW * 1000) - 600_000))
    committed.add({P0: 120})
    look(watch, brokers)
    assert committed.at_least(P0, 8_000) == 8_000
    watch.begin({OF_KAFKA: 8_000})
    assert look(watch, brokers, 6) == Lag(1_000, 10.0)


def test_a_partition_that_was_away_is_not_as_old_as_its_last_stay_here(
    watch: LagWatch, brokers: Brokers, committed: CommittedOffsets
) -> None:
    brokers.end = 100
    assert look(watch, brokers) == Lag(0, 0.0)
    watch.begin({})
    brokers.now += 600  # another worker has it, and keeps up
    watch.begin({OF_KAFKA: 5_000})
    brokers.end = 5_010
    assert look(watch, brokers, 4) == Lag(10, 4.0)  # since it came
