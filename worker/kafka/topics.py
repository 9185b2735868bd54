"""Whether the topics are fit for use, by what the cluster says of them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from worker.errors import Problem
from worker.settings import Settings

_DEAD_LETTER_BYTES = 4096
REVIEW_BYTES = 1 << 16
"""What a topic of reviews must take: a text that is cut has room in it, with its scores."""


@dataclass(frozen=True)
class Topic:
    """A topic as the cluster describes it; what it does not tell us is None.

    `operations` are those that ACLs allow this user, such as `READ`. `max_past_ms` and `max_future_ms` bound the
    timestamps of records, where the producer's count; `stamps_arrival`: they do not, brokers stamp records as they
    arrive. `retention_ms` is how long records are kept, infinite: for ever.
    """

    name: str
    partitions: int
    max_message_bytes: int | None
    operations: frozenset[str] | None = None
    replicas: int | None = None
    min_insync_replicas: int | None = None
    compacted: bool = False
    max_past_ms: int | None = None
    max_future_ms: int | None = None
    retention_ms: float | None = None
    stamps_arrival: bool = False


NAMED_BY = ("EMOTION_INPUT_TOPIC", "EMOTION_OUTPUT_TOPIC", "EMOTION_DEAD_LETTER_TOPIC")
"""What says which topics are meant, unless a command has options for that."""


def topic_problems(
    topics: dict[str, Topic], settings: Settings, named_by: tuple[str, str, str] = NAMED_BY
) -> list[Problem]:
    """What keeps the worker from its work; empty if nothing does."""
    by_input, *by_outputs = named_by
    by_outputs += ["EMOTION_REVIEW_TOPIC"] * (settings.review_topic is not None)
    problems = [
        Problem(
            f"topic {topic} ({variable}) does not exist or this user may not see it",
            "create it, name another, or grant this user Describe on it",
        )
        for variable, topic in zip([by_input] * len(settings.input_topics) + by_outputs, settings.topics, strict=True)
        if topic not in topics
    ]
    sources = [topics[name] for name in settings.input_topics if name in topics]
    targets = [topics[name] for name in settings.outputs if name in topics]
    for source in sources:
        problems += forbidden(source, "READ")
    for target in targets:
        problems += forbidden(target, "WRITE")
        if settings.delivery == "exactly_once":
            problems += forbidden(target, "READ")  # they tell what was delivered
        problems += unwritable(target) + too_few_partitions(target, sources)
    problems += too_small(topics.get(settings.dead_letter_topic), _DEAD_LETTER_BYTES, "a dead letter's reason alone")
    if settings.review_topic is not None:
        problems += too_small(topics.get(settings.review_topic), REVIEW_BYTES, "a text for review with its scores")
    return problems


def topic_hints(topics: dict[str, Topic], settings: Settings) -> list[Problem]:
    """What works, but perhaps not as it is meant."""
    hints = list(arrival_hints(topics, settings).values())
    sources = [topics[name] for name in settings.input_topics]
    largest = max(sources, key=lambda source: source.max_message_bytes or 0)
    for target in [topics[name] for name in settings.outputs]:
        is_review = target.name == settings.review_topic
        if target.max_message_bytes is None:
            hints.append(
                Problem(
                    f"the largest message of topic {target.name} is not told to this user; 1048588 bytes are assumed",
                    "grant it DescribeConfigs on the topic",
                )
            )
        elif is_review:
            hints += _kept_for_ever(target)
        elif largest.max_message_bytes and target.max_message_bytes < largest.max_message_bytes:
            hints.append(
                Problem(
                    f"topic {target.name} takes messages of {target.max_message_bytes} bytes, {largest.name} of "
                    f"{largest.max_message_bytes}",
                    "give it as much as the input, or the largest messages become dead letters, cut to what fits",
                )
            )
        hints += [] if is_review else retention_hints(topics, target.name, settings)
        if target.replicas == 1:
            hints.append(
                Problem(f"topic {target.name} has one replica", "have three, or its broker's end is that of its data")
            )
        elif target.replicas and target.min_insync_replicas == 1:
            hints.append(
                Problem(
                    f"topic {target.name} has min.insync.replicas=1",
                    "set 2, or a label that one broker took may be lost with it",
                )
            )
        if not (may_read(target) or is_review):
            hints.append(
                Problem(
                    f"topic {target.name} may not be read: a group whose offsets are gone would begin anew",
                    "grant this user Read on it, so that the worker can see what is answered",
                )
            )
        if target.compacted:
            hints.append(
                Problem(f"topic {target.name} is compacted", "use delete, or records without a key will be refused")
            )
    return hints


def retention_hints(topics: Mapping[str, Topic], output: str, settings: Settings) -> list[Problem]:
    """Whether an output deletes sooner than an input what answers a text, whose time it has."""
    target = topics[output]
    kept = [topics[name].retention_ms for name in settings.input_topics]
    longest = max((each for each in kept if each is not None), default=None)
    if settings.label_timestamp == "now" or target.stamps_arrival or target.retention_ms is None or longest is None:
        return []
    if longest <= target.retention_ms:
        return []
    return [
        Problem(
            f"topic {target.name} keeps records for {_duration(target.retention_ms)}, and the input for "
            f"{_duration(longest)}: what answers an old text may be deleted at once",
            "give it the input's retention.ms, or set EMOTION_LABEL_TIMESTAMP=now",
        )
    ]


def _kept_for_ever(review: Topic) -> list[Problem]:
    if review.retention_ms != math.inf:
        return []
    return [
        Problem(
            f"topic {review.name} keeps records for ever, and they hold texts",
            "set its retention.ms to the time that people need to review them",
        )
    ]


def arrival_hints(topics: dict[str, Topic], settings: Settings) -> dict[str, Problem]:
    """By topic, where brokers stamp records as they arrive although labels are to have the time of their texts."""
    if settings.label_timestamp == "now":
        return {}
    targets = (topics[settings.output_topic], topics[settings.dead_letter_topic])
    stamped = "stamps records with the time of their arrival (message.timestamp.type=LogAppendTime)"
    hints = {
        target.name: Problem(
            f"topic {target.name} {stamped}, so what answers a text does not have the text's time: readers who join or "
            "look up by time do not find it there, and retention counts from the arrival",
            "set its message.timestamp.type to CreateTime, or say that this is meant: EMOTION_LABEL_TIMESTAMP=now",
        )
        for target in targets
        if target.stamps_arrival
    }
    sources = [topics[name] for name in settings.input_topics]
    if len(hints) == len(targets):
        return hints
    return hints | {
        source.name: Problem(
            f"topic {source.name} {stamped}: that, and not the producer's, is the time of a text which its label gets",
            "if the producer's time is meant, set its message.timestamp.type to CreateTime",
        )
        for source in sources
        if source.stamps_arrival
    }


def may_read(topic: Topic) -> bool:
    """Whether this user has the right, as far as is told."""
    return topic.operations is None or "READ" in topic.operations


def _duration(milliseconds: float) -> str:
    if milliseconds == math.inf:
        return "ever"
    for unit, size in (("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000)):
        if milliseconds % size == 0:
            return f"{milliseconds // size:g} {unit}"
    return f"{milliseconds:g} ms"


def forbidden(topic: Topic, operation: str) -> list[Problem]:
    """A right that this user lacks, as far as is told."""
    if topic.operations is None or operation in topic.operations:
        return []
    right = operation.capitalize()
    return [
        Problem(f"this user has no right to {operation.lower()} topic {topic.name}", f"grant it {right} on the topic")
    ]


def too_few_partitions(target: Topic, sources: Iterable[Topic]) -> list[Problem]:
    """That a topic has no room for what answers these."""
    return [
        Problem(
            f"topic {target.name} has {target.partitions} partitions, but {source.name} has {source.partitions}",
            f"a record goes to the partition number that it came from, so give {target.name} at least "
            f"{source.partitions}",
        )
        for source in sources
        if target.partitions < source.partitions
    ]


def too_small(topic: Topic | None, smallest_bytes: int, what: str) -> list[Problem]:
    """That a topic takes no messages of so many bytes, which `what` needs."""
    if topic is None or topic.max_message_bytes is None or topic.max_message_bytes >= smallest_bytes:
        return []
    return [
        Problem(
            f"topic {topic.name} takes messages of {topic.max_message_bytes} bytes only, but {what} needs "
            f"{smallest_bytes}",
            "raise its max.message.bytes",
        )
    ]


def unwritable(topic: Topic) -> list[Problem]:
    """That a topic wants more replicas in sync than it has."""
    if topic.replicas is None or topic.min_insync_replicas is None or topic.min_insync_replicas <= topic.replicas:
        return []
    return [
        Problem(
            f"topic {topic.name} has {topic.replicas} replicas and min.insync.replicas={topic.min_insync_replicas}: "
            "no write can succeed",
            "raise its replication or lower min.insync.replicas",
        )
    ]
