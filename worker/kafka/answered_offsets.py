"""How far the input was answered, as the output topics tell it: for a group whose own offsets are gone, or wrong.

Whoever wrote an answer, it is one. But of two deployments that have a share of the keys each, the answers of one say
nothing of how far the other is. And a record that has the place of an answered one is not always that record: its topic
may have been made anew. So the input is read again where the last answers point to.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from schemas.emotion_label import Source
from worker.errors import UserError
from worker.flow import Partition, Record
from worker.kafka.clients import KafkaClients
from worker.kafka.committed_outputs import end_open_transactions
from worker.kafka.own_keys import KeyShare
from worker.kafka.topic_range import TopicRange, log_end_offsets, read_range, whole_topic
from worker.settings import Settings

_log = logging.getLogger(__name__)

IsAnswered = Callable[[Record], bool]
ReadAnswer = Callable[[Record], tuple[Source, IsAnswered] | None]

_FIRST_TAIL = 1_000  # offsets of each partition of an output; ten times as many as long as no answer is among them
_LAST_TAIL = 100_000  # of an enormous output that others write to as well: a start must not take minutes
_SPAN = 100_000  # offsets of the input that are read again, at most
_PATIENCE_SECONDS = 2.0  # others' transactions end in that time
_LOOK_SECONDS = 0.2


@dataclass
class _Answers:
    """To records of one partition of the input, by their offsets; `since`: from there on none is missing here."""

    by_offset: dict[int, list[IsAnswered]] = field(default_factory=lambda: defaultdict(list))
    since: int = 0


@dataclass
class _Place:
    """How far a partition of the input is answered, as far as it was read."""

    last: int | None = None
    first_unanswered: int | None = None


def find_answered(
    clients: KafkaClients, settings: Settings, read_answer: ReadAnswer, partitions: Collection[Partition]
) -> Mapping[Partition, int] | None:
    """Where to go on in partitions of the input: behind the last record that has a committed label or dead letter.

    A partition's answers are written in its order and to the same number, exactly once with one transaction a window:
    what lies before the last one is answered as well. At least once a label of the last window may be there while a
    dead letter before it is not: there it is the first record of the last window without an answer.

    Partitions whose answers are gone, or that never had one, are left out. Where the records that were answered are
    gone, it is the beginning of what is there.

    Args:
        clients: Makes the clients.
        settings: Name the topics and the delivery.
        read_answer: Which record an outcome answers, and whether a record is that one; None where it does not say.
        partitions: Of the input. Others may be at work on the rest, with a transaction open at any time.

    Returns:
        None while it cannot be known: a topic cannot be read, or a transaction is open in a partition of an output.
    """
    answers: dict[Partition, _Answers] = {}
    try:
        for topic in settings.answering_topics:
            committed = _committed(clients, settings, topic, {partition.number for partition in partitions})
            if committed is None:
                return None
            _read_tails(clients, settings, topic, committed, partitions, read_answer, answers)
        return {
            partition: offset
            for topic in {partition.topic for partition in answers}
            for partition, offset in _next_offsets(clients, settings, topic, _of(topic, answers)).items()
        }
    except UserError as error:
        _log.warning("answers_not_read", extra={"error": str(error)})
        return None


def _committed(clients: KafkaClients, settings: Settings, topic: str, numbers: Collection[int]) -> TopicRange | None:
    """What is committed of an output, once all that was open in these partitions when we came has ended."""
    written = log_end_offsets(clients, topic)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        committed = whole_topic(clients, topic)
        still_open = [p for p, end in committed.ends.items() if p.number in numbers and end < written[p]]
        if not still_open:
            return committed
        if time.monotonic() > deadline:
            end_open_transactions(clients, settings, still_open[0])
            return None
        time.sleep(_LOOK_SECONDS)


def _read_tails(
    clients: KafkaClients,
    settings: Settings,
    topic: str,
    whole: TopicRange,
    partitions: Collection[Partition],
    read_answer: ReadAnswer,
    answers: dict[Partition, _Answers],
) -> None:
    """Add the last answers in an output to each partition of the input."""
    at_least_once = settings.delivery == "at_least_once"
    share = KeyShare(*settings.key_range)
    tail = max(_FIRST_TAIL, settings.window_max_records if at_least_once else 0)  # which holds the last window
    pending = {partition for partition in partitions if Partition(topic, partition.number) in whole.ends}
    while pending and tail * (share.high - share.low) <= _LAST_TAIL:
        numbers = {partition.number for partition in pending}
        starts = {p: max(whole.starts[p], end - tail) if p.number in numbers else end for p, end in whole.ends.items()}
        firsts: dict[Partition, int] = {}
        for record in read_range(clients, topic, TopicRange(starts, whole.ends)):
            answer = read_answer(record)
            if answer is None or not share.holds(replace(record, origin=answer[0])):
                continue
            if (partition := Partition(answer[0].topic, answer[0].partition)) in pending:
                answers.setdefault(partition, _Answers()).by_offset[answer[0].offset].append(answer[1])
                firsts[partition] = min(firsts.get(partition, answer[0].offset), answer[0].offset)
        for partition, first in firsts.items():
            is_all = starts[Partition(topic, partition.number)] == 0
            # The very first window may lack a dead letter before its first label.
            since = 0 if is_all and at_least_once and settings.start_offset == "earliest" else first
            answers[partition].since = max(answers[partition].since, since)
        pending -= firsts.keys()
        pending -= {p for p in pending if (own := Partition(topic, p.number)) and starts[own] == whole.starts[own]}
        tail *= 10


def _next_offsets(
    clients: KafkaClients, settings: Settings, topic: str, answers: Mapping[Partition, _Answers]
) -> dict[Partition, int]:
    """Where to go on in an input topic's partitions that have answers."""
    log = whole_topic(clients, topic)
    ends, starts = dict(log.ends), dict(log.ends)
    for partition, known in answers.items():
        there = [offset for offset in known.by_offset if log.starts[partition] <= offset < log.ends[partition]]
        if there:
            ends[partition] = max(there) + 1
            starts[partition] = max(known.since, log.starts[partition], ends[partition] - _span(settings))
    places: dict[Partition, _Place] = defaultdict(_Place)
    share = KeyShare(*settings.key_range)
    for record in filter(share.holds, read_range(clients, topic, TopicRange(starts, ends))):
        place = places[Partition(topic, record.origin.partition)]
        known = answers[Partition(topic, record.origin.partition)]
        if any(is_answered(record) for is_answered in known.by_offset.get(record.origin.offset, ())):
            place.last = record.origin.offset
        elif place.first_unanswered is None and (record.value is not None or record.key is None):
            place.first_unanswered = record.origin.offset  # no tombstone: what passes one on does not name it
    found: dict[Partition, int] = {}
    for partition in answers:
        place = places[partition]
        if place.last is None:
            _log.warning("answered_records_gone", extra={"topic": topic, "partition": partition.number})
            found[partition] = log.starts[partition]
        elif settings.delivery == "exactly_once":
            found[partition] = place.last + 1
        elif settings.split:  # of any record some texts alone may be answered
            found[partition] = starts[partition]
        else:
            first = place.last + 1 if place.first_unanswered is None else place.first_unanswered
            found[partition] = min(first, place.last + 1)
    return found


def _of(topic: str, answers: Mapping[Partition, _Answers]) -> dict[Partition, _Answers]:
    return {partition: known for partition, known in answers.items() if partition.topic == topic}


def _span(settings: Settings) -> int:
    """How many offsets of the input are read again, at most: at least once those of the last window.

    What has no answer before that was skipped, or its answer is gone.
    """
    return settings.window_max_records if settings.delivery == "at_least_once" else _SPAN
