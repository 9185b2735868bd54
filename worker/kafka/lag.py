"""How far a group is behind in the partitions of one consumer, and for how long, held against what brokers say."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError
from kafka.future import Future

from schemas.emotion_label import Source as Origin
from worker.flow import Lag, Partition, Record
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.patches.log_ends import ask_log_ends, buffered_times_ms

_ASK_SECONDS = 3.0


class _LogEnd(NamedTuple):
    """Where a log ended when a leader was asked, in seconds since 1970."""

    offset: int
    asked_at: float


class _Gathered(NamedTuple):
    """The records of a partition that were gathered last."""

    first: Origin
    last: Origin


class LagWatch:
    """Lag as Kafka's tools count it: from what the group has committed to the end of the log.

    The brokers are asked every few seconds, and never waited for. The age of a lag is that of its oldest record, by the
    record's timestamp. It is not more than the time since the brokers told of an end up to which all is committed by
    now: so a text that came late, or with an old timestamp, is not taken for one that waited.
    """

    def __init__(
        self, consumer: KafkaConsumer, committed: CommittedOffsets, clock: Callable[[], float] = time.time
    ) -> None:
        """Know no partition yet.

        Args:
            consumer: A member of the group.
            committed: What is known to be committed.
            clock: Seconds since 1970.
        """
        self._consumer = consumer
        self._committed = committed
        self._clock = clock
        self._starts: dict[Partition, int] = {}
        self._begun_at: dict[Partition, float] = {}
        self._ends: dict[Partition, _LogEnd] = {}
        self._level_at: dict[Partition, float] = {}  # what was written before is committed
        self._gathered: dict[Partition, _Gathered] = {}
        self._answer: Future | None = None
        self._asked_at = 0.0

    def begin(self, starts: Mapping[TopicPartition, int]) -> None:
        """A generation of the group begins, with these partitions; gives the offset that each is read from."""
        now = self._clock()
        self._starts = {Partition(*partition): offset for partition, offset in starts.items()}
        self._begun_at = {each: self._begun_at.get(each, now) for each in self._starts}
        self._ends = {each: end for each, end in self._ends.items() if each in self._starts}
        self._level_at = {each: at for each, at in self._level_at.items() if each in self._starts}
        self._gathered = {
            each: gathered
            for each, gathered in self._gathered.items()
            if each in self._starts and self._starts[each] <= gathered.last.offset + 1  # else others have read on
        }
        self._answer, self._asked_at = None, 0.0

    def gather(self, records: Iterable[Record]) -> None:
        """These are delivered next; those of a partition in order."""
        origins = [record.origin for record in records]
        last = {(origin.topic, origin.partition): origin for origin in origins}
        first = {(origin.topic, origin.partition): origin for origin in reversed(origins)}
        self._gathered |= {Partition(*place): _Gathered(first[place], last[place]) for place in last}

    def are_read(self, positions: Mapping[Partition, int], readable_ends: Mapping[TopicPartition, int]) -> bool:
        """Whether each partition stands at the end of its log, or at what can be read of it now where that is known."""
        for each in self._starts:
            position, end = positions.get(each), self._log_end(each)
            if position is None or end is None or position < min(end, readable_ends.get(TopicPartition(*each), end)):
                return False
        return True

    def look(self) -> dict[Partition, Lag | None]:
        """The lag of each partition, None where it is not known yet."""
        now = self._clock()
        self._take_answer()
        if self._answer is None and self._starts and abs(now - self._asked_at) >= _ASK_SECONDS:
            self._answer = ask_log_ends(self._consumer, [TopicPartition(*each) for each in self._starts])
            self._asked_at = now
        following = {each: self._next_offset(each) for each in self._starts}
        for each, end in self._ends.items():
            if following[each] >= end.offset:
                self._level_at[each] = end.asked_at
        buffered = buffered_times_ms(self._consumer, {TopicPartition(*each): at for each, at in following.items()})
        lags: dict[Partition, Lag | None] = {}
        for each, offset in following.items():
            log_end = self._log_end(each)
            records = None if log_end is None else max(0, log_end - offset)
            since = self._waiting_since(each, offset, buffered.get(TopicPartition(*each)))
            lags[each] = None if records is None else Lag(records, max(0.0, now - since) if records else 0.0)
        return lags

    def _take_answer(self) -> None:
        if self._answer is not None and self._answer.is_done:
            found = self._answer.value if self._answer.succeeded() else {}
            self._ends |= {Partition(*each): _LogEnd(offset, self._asked_at) for each, offset in found.items()}
            self._answer = None

    def _log_end(self, partition: Partition) -> int | None:
        """As far as it is known; None where nothing is."""
        known = [self._ends[partition].offset] if partition in self._ends else []
        with suppress(IllegalStateError):  # it was taken away a moment ago
            fetched = self._consumer.highwater(TopicPartition(*partition))
            known += [] if fetched is None else [fetched]
        return max(known, default=None)

    def _next_offset(self, partition: Partition) -> int:
        committed = self._committed.known(partition)
        return self._starts[partition] if committed is None else committed

    def _waiting_since(self, partition: Partition, offset: int, buffered_ms: int | None) -> float:
        """From when the record at this offset is at the earliest, in seconds since 1970.

        Of a partition that has just come, and of which nothing was fetched yet, it is not known: since it came.
        """
        stamp_ms = buffered_ms
        if gathered := self._gathered.get(partition):
            if offset <= gathered.last.offset:  # its window is being labelled
                stamp_ms = gathered.first.timestamp_ms
            elif buffered_ms is None:
                stamp_ms = gathered.last.timestamp_ms
        known = [] if stamp_ms is None else [stamp_ms / 1000]
        known += [self._level_at[partition]] if partition in self._level_at else []
        return max(known, default=self._begun_at[partition])
