"""What was answered, as the output topics tell it: for a group whose own offsets cannot be trusted."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from schemas.emotion_label import Source
from worker.errors import UserError
from worker.flow import Partition, Record
from worker.kafka.clients import KafkaClients
from worker.kafka.committed_offsets import Written
from worker.kafka.hanging_transactions import end_hanging_transactions
from worker.kafka.topic_range import TopicRange, log_end_offsets, read_range, whole_topic
from worker.settings import Settings

_log = logging.getLogger(__name__)

OriginOf = Callable[[Record], Source | None]

_FIRST_TAIL = 1_000  # offsets of each partition; ten times as many as long as no answer is among them


def find_answered(
    clients: KafkaClients, settings: Settings, origin_of: OriginOf, numbers: Collection[int]
) -> Mapping[Partition, int] | None:
    """The offset behind the last record of input partitions that has a committed label or dead letter.

    A partition's answers are written in its order and to the same number, one transaction a window: what lies before
    the last one is answered as well. Partitions whose answers are gone, or that never had one, are left out.

    Args:
        clients: Makes the clients.
        settings: Name the topics.
        origin_of: Which record of the input topic an outcome answers; None where it does not say.
        numbers: The input partitions. Others may be at work on the rest, with a transaction open at any time.

    Returns:
        None while it cannot be known: an output topic cannot be read, or a transaction is open there.
    """
    answered: dict[Partition, int] = {}
    try:
        for topic in (settings.output_topic, settings.dead_letter_topic):
            committed = whole_topic(clients, topic)
            written = log_end_offsets(clients, topic)
            asked = [partition for partition in committed.ends if partition.number in numbers]
            for partition in asked:
                if written[partition] != committed.ends[partition]:
                    _open(clients, settings, partition)
                    return None
            for origin in _last_origins(clients, topic, committed, asked, origin_of):
                partition = Partition(origin.topic, origin.partition)
                answered[partition] = max(answered.get(partition, 0), origin.offset + 1)
    except UserError as error:
        _log.warning("answers_not_read", extra={"error": str(error)})
        return None
    return answered


def find_visible(
    clients: KafkaClients, settings: Settings, outcomes: Collection[Written]
) -> Mapping[Written, bool] | None:
    """Whether readers of committed records see these outcomes. Those that retention has deleted are left out.

    Args:
        clients: Makes the clients.
        settings: Name the topics and the group.
        outcomes: Of this process.

    Returns:
        None while it cannot be known: an output topic cannot be read, or a transaction is open there.
    """
    seen: dict[Written, bool] = {}
    try:
        for topic in {target.topic for target, _ in outcomes}:
            whole, written = (
                whole_topic(clients, topic),
                log_end_offsets(clients, topic),
            )
            wanted = {p: [o for target, o in outcomes if target == p and o >= whole.starts[p]] for p in whole.ends}
            for partition, offsets in wanted.items():
                if any(whole.ends[partition] <= offset < written[partition] for offset in offsets):
                    _open(clients, settings, partition)
                    return None
                seen |= {(partition, offset): False for offset in offsets}
            starts = {p: min([*wanted[p], end]) for p, end in whole.ends.items()}
            ends = {p: min(max(wanted[p], default=end) + 1, end) for p, end in whole.ends.items()}
            for record in read_range(clients, topic, TopicRange(starts, ends)):
                place = Partition(topic, record.origin.partition), record.origin.offset
                if place in seen:
                    seen[place] = True
    except UserError as error:
        _log.warning("answers_not_read", extra={"error": str(error)})
        return None
    return seen


def _last_origins(
    clients: KafkaClients, topic: str, whole: TopicRange, asked: Iterable[Partition], origin_of: OriginOf
) -> Iterator[Source]:
    """Origins of the last records of each partition that is asked for, at least one if there is any."""
    pending, tail = set(asked), _FIRST_TAIL
    while pending:
        starts = {p: max(whole.starts[p], end - tail) if p in pending else end for p, end in whole.ends.items()}
        for record in read_range(clients, topic, TopicRange(starts, whole.ends)):
            origin = origin_of(record)
            if origin is not None:
                pending.discard(Partition(topic, record.origin.partition))
                yield origin
        pending -= {p for p in pending if starts[p] == whole.starts[p]}
        tail *= 10


def _open(clients: KafkaClients, settings: Settings, partition: Partition) -> None:
    error = f"a transaction is open in partition {partition.number} of {partition.topic}"
    _log.warning("answers_not_read", extra={"error": error})
    end_hanging_transactions(clients, settings)  # most likely it ends by itself
