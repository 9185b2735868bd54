"""Single records of topics, looked up by their offsets, which mostly ascend."""

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError, RetriableError

from worker.errors import NotDeliveredError, UserError
from worker.flow import Partition, Record
from worker.kafka.clients import KafkaClients
from worker.kafka.records import to_records

_NEAR = 5_000  # offsets that are read over; a leap costs a round trip, and what was fetched ahead
_POLL_MS = 200
_LOOKUP_MS = 8_000
_SILENCE_SECONDS = 10


@dataclass
class _Place:
    """Where a partition was read up to: from `since` on nothing is missing in `ahead` and in what is polled next."""

    since: int
    ahead: deque[Record] = field(default_factory=deque)


class TextFinder:
    """Reads them as a reader of committed records does, in no group. It fetches ahead, within the client's bounds."""

    def __init__(self, clients: KafkaClients) -> None:
        self._reader: KafkaConsumer = clients.reader([])
        self._places: dict[TopicPartition, _Place] = {}

    def __call__(self, wanted: Mapping[Partition, Sequence[int]]) -> dict[tuple[Partition, int], Record]:
        """Those of the wanted records that are there; their offsets ascend.

        Raises:
            NotDeliveredError: The brokers do not tell now.
            UserError: Reading is not allowed.
        """
        if not wanted:
            return {}
        try:
            return self._find({TopicPartition(*partition): offsets for partition, offsets in wanted.items()})
        except AuthorizationError as error:
            raise UserError(f"not allowed to read texts ({error}): grant this user Read on the input topics") from error
        except RetriableError as error:
            self._places.clear()
            raise NotDeliveredError(f"the texts cannot be read now: {error}") from error
        except KafkaError as error:
            raise UserError(f"the texts cannot be read any further: {error}") from error

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close(autocommit=False)

    def _find(self, wanted: Mapping[TopicPartition, Sequence[int]]) -> dict[tuple[Partition, int], Record]:
        there = self._go_to({partition: offsets[0] for partition, offsets in wanted.items()})
        lasts = {partition: wanted[partition][-1] for partition in there}
        meant = {partition: frozenset(offsets) for partition, offsets in wanted.items()}
        found: dict[tuple[Partition, int], Record] = {}
        heard = time.monotonic()
        while True:
            for partition in list(lasts):
                taken = self._take(partition, lasts[partition])
                own = Partition(*partition)
                found |= {(own, r.origin.offset): r for r in taken if r.origin.offset in meant[partition]}
                if self._places[partition].since > lasts[partition]:
                    del lasts[partition]
            self._reader.pause(*(self._reader.assignment() - lasts.keys()))
            if not lasts:
                return found
            self._reader.resume(*lasts)
            if self._poll():
                heard = time.monotonic()
            else:
                self._end_at_the_log_end(lasts)
            if time.monotonic() - heard > _SILENCE_SECONDS:
                raise NotDeliveredError(f"the brokers sent no text for {_SILENCE_SECONDS} s")

    def _go_to(self, firsts: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        """Read on where that is near, else leap; gives the partitions that go as far as that."""
        if missing := firsts.keys() - self._reader.assignment():
            self._reader.assign([*self._reader.assignment(), *missing])
            for topic in {partition.topic for partition in missing}:
                self._reader.partitions_for_topic(topic)  # else the client does not know whom to ask
        leaps = {each: first for each, first in firsts.items() if not self._is_near(each, first)}
        ends = self._ends(leaps) if leaps else {}
        for partition, first in leaps.items():
            self._places.pop(partition, None)
            if first < ends[partition]:
                self._reader.seek(partition, first)
                self._places[partition] = _Place(first)
        return [partition for partition in firsts if partition in self._places]

    def _is_near(self, partition: TopicPartition, offset: int) -> bool:
        place = self._places.get(partition)
        return place is not None and place.since <= offset <= place.since + _NEAR

    def _take(self, partition: TopicPartition, last: int) -> list[Record]:
        """What was polled of a partition up to an offset."""
        place = self._places[partition]
        taken = []
        while place.ahead and place.ahead[0].origin.offset <= last:
            taken.append(place.ahead.popleft())
        if place.ahead:
            place.since = max(place.since, min(place.ahead[0].origin.offset, last + 1))
        else:  # what was compacted away, or holds no record, is passed over
            place.since = max(place.since, self._reader.position(partition, timeout_ms=_LOOKUP_MS))
        return taken

    def _poll(self) -> bool:
        polled = self._reader.poll(timeout_ms=_POLL_MS)
        for partition, records in polled.items():
            self._places[partition].ahead.extend(to_records(partition, records))
        return bool(polled)

    def _end_at_the_log_end(self, lasts: dict[TopicPartition, int]) -> None:
        """Partitions that end before what is wanted have no more of it."""
        for partition, end in self._ends(lasts).items():
            if self._reader.position(partition, timeout_ms=_LOOKUP_MS) >= end:
                del lasts[partition]

    def _ends(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        try:
            ends: Mapping[TopicPartition, int] = self._reader.end_offsets(list(partitions), timeout_ms=_LOOKUP_MS)
        except KeyError as error:  # of the client's own, where no broker has told it of a partition
            raise NotDeliveredError(f"the brokers say nothing of {error}") from error
        return ends
