"""The values that flow through the worker, left to right.

A window is gathered, delivered and committed together; a batch is what the model sees at once. Each value carries
`index`, its record's place in the window, so that outcomes can be put back in order.

Nobody changes a value that was made. Those that are made for every record are not `frozen` all the same: that would
quadruple the time it takes to make them.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import JsonValue

from schemas.dead_letter import Reason
from schemas.emotion_label import EmotionLabel, Source
from schemas.text_message import SkipReason


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


@dataclass(slots=True)
class Record:
    """Bytes as Kafka delivered them; where a record was split, those of one `part`, counted from 0."""

    origin: Source
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    part: int | None = None


@dataclass(slots=True, kw_only=True)
class AnsweredRecord(Record):
    """A text that has a live label already; `answer` is where that lies."""

    label: EmotionLabel
    answer: Source


@dataclass(frozen=True, slots=True)
class Window:
    """Records of one generation of the consumer group, in order within each partition.

    `next_offsets` are the consumer's positions after the window, for the partitions whose position is not committed
    yet: the only offsets that are ever committed. `membership` is the client's own group metadata. `topic_ids` gives
    the id of each topic, committed beside its offsets, or raises NotDeliveredError: another has its name now.
    """

    records: list[Record]
    next_offsets: Mapping[Partition, int]
    membership: Any
    topic_ids: Callable[[], Mapping[str, str]] = dict

    def __bool__(self) -> bool:
        """Whether there is anything to deliver: records, or positions that moved past transaction markers."""
        return bool(self.next_offsets)


class Lag(NamedTuple):
    """Records of a partition that are not delivered yet, and for how many seconds the oldest of them has waited."""

    records: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Where a source stands with its group and with what it reads, as far as is known without waiting for anybody.

    `heard_at` is when a broker answered last, in monotonic seconds. `lags` has each partition that it was given last;
    None where its lag is not known yet. `at_end` says that nothing can be read now; behind an open transaction that is
    so with lag. `input_partitions` are those that the topics have.
    """

    is_member: bool
    generations: int
    heard_at: float
    lags: Mapping[Partition, Lag | None]
    at_end: bool
    input_partitions: int


@dataclass(slots=True)
class Request:
    """A decoded message. `copied` are fields that its label will carry."""

    index: int
    id: str
    text: str
    source: Source | None
    copied: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(slots=True)
class TokenizedText:
    """A text's token ids, special ones included, at most as many as the model takes; and all requests that hold it."""

    requests: list[Request]
    ids: list[int]
    truncated: bool


Row = list[TokenizedText]  # they share a row of the model's input
Batch = list[Row]


def width(row: Row) -> int:
    """Tokens of all texts of a row."""
    return sum([len(item.ids) for item in row])


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A record with a key and no value: it deletes, and is passed on as it is."""

    index: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that can never be labelled. `detail` never holds the text."""

    index: int
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that nothing leaves for: neither label nor dead letter."""

    index: int
    reason: SkipReason


Decoded = tuple[list[Request], list[Rejected | Tombstone | Skipped]]
"""What a window's records are: requests, and what stands in for the others."""


@dataclass(slots=True)
class Prediction:
    """A request's score for each label of the model, to 6 digits and in the model's order.

    They sum to 1; those of a multi-label model stand each for itself.
    """

    request: Request
    tokens: int
    truncated: bool
    scores: list[float]


Answer = Prediction | Rejected | Tombstone


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What outcomes say about the model. `labels` in the order of its scores.

    A multi-label model has `thresholds`, in that order too: the score from which a text gets each label. A model that
    gives each text one label has none, and perhaps a `confident_score`.
    """

    name: str
    revision: str
    labels: list[str]
    confident_score: float | None
    thresholds: list[float] | None = None


@dataclass(slots=True)
class Outcome:
    """What leaves for one record: a label, a dead letter or a tombstone, ready to send."""

    index: int
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int | None


@dataclass(slots=True)
class Reviews:
    """What leaves of a window for people to review, ready to send: none, one or some of its labelled texts.

    `reasons` counts why they were drawn; a text may have several. `held_back` others were too many for a minute.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    reasons: Mapping[str, int] = field(default_factory=dict)
    held_back: int = 0


@dataclass(slots=True)
class Attention:
    """How many times as many texts are drawn for review as the settings say: more while the stream drifts."""

    factor: float = 1.0


RefusalKey = tuple[str, str, int, int, int | None]


class Refusals(dict[RefusalKey, str]):
    """The brokers' words for what they refused of the window at hand.

    By the topic that refused it, and topic, partition, offset and part of the record that it answers. The window is
    read again; something else is made of these records.
    """

    @staticmethod
    def key(target: str, record: Record) -> RefusalKey:
        """Under which is found what the topic `target` refused for a record."""
        return target, record.origin.topic, record.origin.partition, record.origin.offset, record.part


def in_order(outcomes: Iterable[Outcome], records: int, skipped: Container[int] = ()) -> list[Outcome]:
    """Put a window's outcomes in the order of its records.

    Raises:
        RuntimeError: There is not exactly one outcome for each of the `records`, but for those that were skipped.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.index)
    if [outcome.index for outcome in ordered] != [index for index in range(records) if index not in skipped]:
        raise RuntimeError(f"{len(ordered)} outcomes do not answer {records} records one to one")
    return ordered


def some_in_order(outcomes: Iterable[Outcome], records: int, skipped: Container[int] = ()) -> list[Outcome]:
    """The same where not every record has an outcome, and none has two.

    Raises:
        RuntimeError: One has, or is none of the `records` that were not skipped.
    """
    ordered = sorted(outcomes, key=lambda outcome: outcome.index)
    allowed = [index for index in range(records) if index not in skipped]
    indices = [outcome.index for outcome in ordered]
    if len(set(indices)) < len(indices) or not set(indices) <= set(allowed):
        raise RuntimeError(f"{len(ordered)} outcomes do not answer some of {records} records")
    return ordered
