"""What went wrong in a history, by the names that Jepsen gives to what goes wrong with Kafka.

A pure function over what was produced, what readers saw and what was committed. It knows nothing of how the worker
works, only what it promises: one outcome for each record, in order, seen once it is committed and never before.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal, NamedTuple

Topic = Literal["labels", "dead_letters"]
Name = Literal[
    "lost_write",  # a record that was acknowledged has no outcome
    "dead_letter_lost",  # the same, of a record that can only become a dead letter
    "duplicate",  # one more outcome than one
    "committed_again",  # a duplicate that was made after the commit of its record had been seen
    "aborted_read",  # a committed reader saw what is not there later, or what belongs to an aborted transaction
    "precommitted_read",  # a committed reader saw an outcome before its transaction was committed
    "poll_skip",  # a committed reader went past an outcome that a later reader finds
    "inconsistent_offsets",  # a committed offset went back, or is beyond the end of its partition
    "torn_window",  # an outcome without its offset, or an offset without its outcome
    "reordered_in_partition",
    "reordered_in_key",
    "wrong_label",  # not the offline label of the text, or a label in place of a dead letter or the reverse
    "misplaced",  # in another partition, or with another key or id, than its record
    "phantom",  # an outcome of a record that nobody wrote
]


class Place(NamedTuple):
    """Where a record of the input is; `topic` counts the topics that had its name one after the other."""

    partition: int
    offset: int
    topic: int = 0


@dataclass(frozen=True, slots=True)
class Produced:
    """A record that the brokers acknowledged. `labels` are the right ones; none if only a dead letter is right."""

    place: Place
    id: str
    key: bytes
    labels: frozenset[str]
    acked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A label or a dead letter as a reader saw it. `at` is when it saw it, `made_at` what the worker says."""

    topic: Topic
    partition: int
    offset: int
    key: bytes | None
    origin: Place
    id: str | None = None
    label: str | None = None
    at: float = 0.0
    made_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Commit:
    """The group's offsets in one of the topics, as they were seen at that time."""

    at: float
    offsets: Mapping[int, int]
    topic: int = 0


@dataclass(frozen=True, slots=True)
class Transaction:
    """A range of offsets in a topic's partition that one transaction wrote, and how and when its marker ended it."""

    topic: Topic
    partition: int
    first: int
    last: int
    committed: bool
    ended_at: float


@dataclass(frozen=True)
class History:
    """Everything that was seen. `read` is in the order in which the running reader saw it."""

    produced: Sequence[Produced]
    read: Sequence[Outcome]
    final: Sequence[Outcome]
    commits: Sequence[Commit]
    transactions: Sequence[Transaction] = ()
    visible_within_s: float = 30.0  # an outcome must be seen this soon after the commit of its offset was
    topics: int = 1  # that had the input's name, one after the other
    is_gone: bool = False  # it was deleted, and with it what was not answered by then

    def of_topic(self, number: int) -> "History":
        """The part of it that has to do with one of the topics."""
        return replace(
            self,
            produced=[each for each in self.produced if each.place.topic == number],
            read=[each for each in self.read if each.origin.topic == number],
            final=[each for each in self.final if each.origin.topic == number],
            commits=[each for each in self.commits if each.topic == number],
            is_gone=number < self.topics - 1,
        )


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One thing that went wrong, with the record that it happened to."""

    name: Name
    place: Place
    detail: str = ""


@dataclass
class _Index:
    """What several checks look up."""

    history: History
    produced: dict[Place, Produced] = field(init=False)
    answers: dict[Place, list[Outcome]] = field(init=False)  # of the final read
    committed_at: Callable[[Place], float | None] = field(init=False)
    committed: Mapping[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.produced = {record.place: record for record in self.history.produced}
        self.answers = defaultdict(list)
        for outcome in self.history.final:
            self.answers[outcome.origin].append(outcome)
        self.committed = self.history.commits[-1].offsets if self.history.commits else {}
        self.committed_at = _first_commits(self.history.commits)


def check(history: History) -> list[Anomaly]:
    """Every anomaly of a history; an empty list is what the worker promises."""
    indexes = [_Index(history.of_topic(number)) for number in range(history.topics)]
    checks = (
        _lost,
        _duplicates,
        _aborted_reads,
        _precommitted_reads,
        _poll_skips,
        _inconsistent_offsets,
        _torn_windows,
        _reordered,
        _wrong_outcomes,
    )
    return [anomaly for index in indexes for each in checks for anomaly in each(index)]


def _lost(index: _Index) -> Iterator[Anomaly]:
    for place, record in index.produced.items():
        if place not in index.answers and not index.history.is_gone:
            yield Anomaly("lost_write" if record.labels else "dead_letter_lost", place, record.id)


def _duplicates(index: _Index) -> Iterator[Anomaly]:
    for place, outcomes in index.answers.items():
        committed_at = index.committed_at(place) if len(outcomes) > 1 else None
        for outcome in sorted(outcomes, key=lambda each: each.made_at)[1:]:
            again = committed_at is not None and outcome.made_at > committed_at
            yield Anomaly("committed_again" if again else "duplicate", place, _where(outcome))


def _aborted_reads(index: _Index) -> Iterator[Anomaly]:
    lasting = {(_where(outcome), outcome.origin) for outcome in index.history.final}
    find = _transaction_finder(index.history.transactions)
    for outcome in index.history.read:
        transaction = find(outcome)
        if (_where(outcome), outcome.origin) not in lasting or (transaction and not transaction.committed):
            yield Anomaly("aborted_read", outcome.origin, _where(outcome))


def _precommitted_reads(index: _Index) -> Iterator[Anomaly]:
    find = _transaction_finder(index.history.transactions)
    for outcome in index.history.read:
        transaction = find(outcome)
        early = transaction.ended_at - outcome.at if transaction and transaction.committed else 0
        if early > 0.005:  # brokers write the time of a marker in whole milliseconds
            yield Anomaly("precommitted_read", outcome.origin, f"{_where(outcome)}, {early:.3f} s before its commit")


def _poll_skips(index: _Index) -> Iterator[Anomaly]:
    """The running reader's offsets grow, and none that the full read holds lies between two of them unread."""
    read = {(outcome.topic, outcome.partition, outcome.offset) for outcome in index.history.read}
    last: dict[tuple[Topic, int], int] = {}
    for outcome in index.history.read:
        log = (outcome.topic, outcome.partition)
        if outcome.offset <= last.get(log, -1):
            yield Anomaly("poll_skip", outcome.origin, f"{_where(outcome)} was read after {last[log]}")
        last[log] = outcome.offset
    for outcome in index.history.final:
        log = (outcome.topic, outcome.partition)
        if (*log, outcome.offset) not in read and outcome.offset < last.get(log, -1):
            yield Anomaly("poll_skip", outcome.origin, f"{_where(outcome)} was passed over")


def _inconsistent_offsets(index: _Index) -> Iterator[Anomaly]:
    ends: dict[int, int] = {}
    for place in index.produced:
        ends[place.partition] = max(ends.get(place.partition, 0), place.offset + 1)
    for before, after in pairwise(index.history.commits):
        for partition, offset in after.offsets.items():
            if offset < before.offsets.get(partition, 0):
                yield Anomaly(
                    "inconsistent_offsets", Place(partition, offset), f"back from {before.offsets[partition]}"
                )
    for partition, offset in index.committed.items():
        if offset > ends.get(partition, 0):
            yield Anomaly("inconsistent_offsets", Place(partition, offset), f"the end is {ends.get(partition, 0)}")


def _torn_windows(index: _Index) -> Iterator[Anomaly]:
    seen_at: dict[Place, float] = {}
    for outcome in index.history.read:
        seen_at.setdefault(outcome.origin, outcome.at)
    for place in index.produced:
        committed = place.offset < index.committed.get(place.partition, 0)
        if index.history.is_gone and not committed:  # offsets are dropped with their topic
            continue
        if committed != (place in index.answers):
            yield Anomaly("torn_window", place, "offset without outcome" if committed else "outcome without offset")
            continue
        committed_at = index.committed_at(place)
        if committed_at is not None and place in seen_at:
            late = seen_at[place] - committed_at
            if late > index.history.visible_within_s:
                yield Anomaly("torn_window", place, f"its outcome was seen {late:.1f} s after its offset")


def _reordered(index: _Index) -> Iterator[Anomaly]:
    """First outcomes come in the order of their records: what was overtaken is out of order."""
    first: dict[Place, Outcome] = {}
    furthest: dict[tuple[Topic, int, int], int] = {}
    furthest_of_key: dict[tuple[Topic, int, bytes | None], int] = {}
    for outcome in sorted(index.history.final, key=lambda each: each.offset):
        origin = outcome.origin
        if first.setdefault(origin, outcome) is not outcome:
            continue
        of_partition = (outcome.topic, outcome.partition, origin.partition)
        of_key = (outcome.topic, origin.partition, outcome.key)
        if origin.offset < furthest_of_key.get(of_key, -1):
            yield Anomaly("reordered_in_key", origin, _where(outcome))
        elif origin.offset < furthest.get(of_partition, -1):
            yield Anomaly("reordered_in_partition", origin, _where(outcome))
        furthest[of_partition] = max(origin.offset, furthest.get(of_partition, -1))
        furthest_of_key[of_key] = max(origin.offset, furthest_of_key.get(of_key, -1))


def _wrong_outcomes(index: _Index) -> Iterator[Anomaly]:
    for outcome in index.history.final:
        record = index.produced.get(outcome.origin)
        if record is None:
            yield Anomaly("phantom", outcome.origin, _where(outcome))
            continue
        if outcome.partition != record.place.partition or outcome.key != record.key:
            yield Anomaly("misplaced", outcome.origin, f"{_where(outcome)}, key {outcome.key!r}")
        elif outcome.topic == "labels" and outcome.id != record.id:
            yield Anomaly("misplaced", outcome.origin, f"id {outcome.id}, not {record.id}")
        elif (outcome.label not in record.labels) if outcome.topic == "labels" else bool(record.labels):
            yield Anomaly("wrong_label", outcome.origin, f"{outcome.label}, not one of {sorted(record.labels)}")


def _first_commits(commits: Sequence[Commit]) -> Callable[[Place], float | None]:
    """When a place was first seen to be committed."""
    times: dict[int, list[float]] = defaultdict(list)
    offsets: dict[int, list[int]] = defaultdict(list)
    for commit in commits:
        for partition, offset in commit.offsets.items():
            if offset > (offsets[partition][-1] if offsets[partition] else 0):
                times[partition].append(commit.at)
                offsets[partition].append(offset)

    def find(place: Place) -> float | None:
        at = bisect_right(offsets[place.partition], place.offset)
        return times[place.partition][at] if at < len(times[place.partition]) else None

    return find


def _transaction_finder(transactions: Iterable[Transaction]) -> Callable[[Outcome], Transaction | None]:
    by_log: dict[tuple[Topic, int], list[Transaction]] = defaultdict(list)
    for transaction in sorted(transactions, key=lambda each: each.first):
        by_log[transaction.topic, transaction.partition].append(transaction)
    starts = {log: [each.first for each in ranges] for log, ranges in by_log.items()}

    def find(outcome: Outcome) -> Transaction | None:
        log = (outcome.topic, outcome.partition)
        at = bisect_right(starts.get(log, []), outcome.offset) - 1
        found = by_log[log][at] if at >= 0 else None
        return found if found and outcome.offset <= found.last else None

    return find


def _where(outcome: Outcome) -> str:
    return f"{outcome.topic}-{outcome.partition}-{outcome.offset}"
