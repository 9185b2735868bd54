"""A range of a topic: its first and its last offset in each partition, and its records without any group."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import AuthorizationError, KafkaError, RetriableError

from worker.errors import NotAnsweredError, UserError
from worker.flow import Partition, Record
from worker.kafka.clients import KafkaClients
from worker.kafka.fatal_errors import unanswered
from worker.kafka.offset_spec import OffsetSpec
from worker.kafka.patches.topic_ids import known_topic_id
from worker.kafka.records import to_records
from worker.kafka.topic_ids import is_of_another

_LOOKUP_MS = 30_000
_POLL_MS = 500
_SILENCE_SECONDS = 60


@dataclass(frozen=True)
class TopicRange:
    """Offsets of each partition of a topic, from `starts` up to and without `ends`.

    `topic_id` is that of the topic that they are of, None where brokers know none.
    """

    starts: Mapping[Partition, int]
    ends: Mapping[Partition, int]
    topic_id: str | None = None

    @property
    def records(self) -> int:
        """How many offsets it spans: records, and what transactions and compaction left between them."""
        return sum(max(0, end - self.starts[partition]) for partition, end in self.ends.items())


def find_range(clients: KafkaClients, topic: str, first: OffsetSpec, until: OffsetSpec) -> TopicRange:
    """The range between two places, as the topic is now; `until` itself does not belong to it.

    A time is the first record of a partition whose timestamp is not before it.

    Raises:
        UserError: There is no such topic, or no such range in it.
    """
    with closing(_reader(clients, topic)) as reader, _translated_errors(topic):
        topic_id = known_topic_id(reader, topic)  # before: offsets of a later one under that name are not its
        starts, ends = _resolve(reader, "--from", first), _resolve(reader, "--until", until)
    for partition, end in ends.items():
        if starts[partition] > end:
            raise UserError(
                f"--from {first.text} lies behind --until {until.text} in partition {partition.number} of {topic}: "
                f"offset {starts[partition]} and offset {end}"
            )
    return TopicRange(starts, ends, topic_id)


def whole_topic(clients: KafkaClients, topic: str) -> TopicRange:
    """All that readers of committed records can see of a topic now.

    Raises:
        UserError: There is no such topic.
    """
    return find_range(clients, topic, OffsetSpec("earliest"), OffsetSpec("now"))


def group_offsets(clients: KafkaClients, group_id: str, extent: TopicRange, begin: bool) -> dict[Partition, int]:
    """Where a group stands in each partition of a range: at its start where it has not been in this topic yet.

    Args:
        clients: Makes the client.
        group_id: The group.
        extent: The range.
        begin: Commit these starts, so that the group's members begin there.

    Raises:
        UserError: It stands before the range, or may not be moved.
    """
    with clients.admin() as admin:
        group = admin.group(group_id)
        committed = {
            partition: offset
            for partition, offset in group.committed.items()
            if partition in extent.starts and not is_of_another(extent.topic_id, group.beside[partition])
        }
        for partition, offset in committed.items():
            if offset < extent.starts[partition]:
                raise UserError(
                    f"group {group_id} stands at offset {offset} of {partition.topic}, partition {partition.number}, "
                    f"but the range begins at {extent.starts[partition]}: name another --group"
                )
        if begin:
            # Only these: a transaction of a member that was killed may still be about to move the others.
            admin.commit_offsets(group_id, {p: start for p, start in extent.starts.items() if p not in committed})
    return {**extent.starts, **committed}


def read_range(clients: KafkaClients, topic: str, extent: TopicRange) -> Iterator[Record]:
    """The committed records of a range, in order within each partition. Nothing is committed.

    Raises:
        UserError: Reading is not allowed.
        NotAnsweredError: The brokers fell silent.
    """
    if all(start >= extent.ends[partition] for partition, start in extent.starts.items()):
        return  # a client of its own takes several round trips
    with closing(_reader(clients, topic)) as reader, _translated_errors(topic):
        for partition in reader.assignment():
            reader.seek(partition, extent.starts[_own(partition)])
        last, heard = -1, time.monotonic()
        while True:
            positions = {p: reader.position(p, timeout_ms=_LOOKUP_MS) for p in reader.assignment()}
            reader.pause(*(p for p, position in positions.items() if position >= extent.ends[_own(p)]))
            if len(reader.paused()) == len(positions):
                return
            if sum(positions.values()) > last:
                last, heard = sum(positions.values()), time.monotonic()
            elif time.monotonic() - heard > _SILENCE_SECONDS:
                raise NotAnsweredError(
                    f"the brokers sent nothing of {topic} for {_SILENCE_SECONDS} s", "look at them, and try again"
                )
            try:
                polled = reader.poll(timeout_ms=_POLL_MS)
            except RetriableError:  # they are away for a moment, or for longer than the silence that is allowed
                time.sleep(1)
                continue
            for partition, records in polled.items():
                end = extent.ends[_own(partition)]
                yield from to_records(partition, (each for each in records if each.offset < end))


def log_end_offsets(clients: KafkaClients, topic: str) -> dict[Partition, int]:
    """Where each partition ends with what may still become committed; a range ends before that.

    Raises:
        UserError: The topic cannot be read.
    """
    with closing(_reader(clients, topic, "read_uncommitted")) as reader, _translated_errors(topic):
        ends = reader.end_offsets(list(reader.assignment()), timeout_ms=_LOOKUP_MS)
    return {_own(partition): end for partition, end in ends.items()}


def _reader(clients: KafkaClients, topic: str, isolation: str = "read_committed") -> KafkaConsumer:
    with _translated_errors(topic):
        reader = clients.reader([topic], isolation)
    if not reader.assignment():
        reader.close()
        raise UserError(f"topic {topic} does not exist or this user may not see it")
    return reader


def _resolve(reader: KafkaConsumer, option: str, spec: OffsetSpec) -> dict[Partition, int]:
    partitions = list(reader.assignment())
    first = reader.beginning_offsets(partitions, timeout_ms=_LOOKUP_MS)
    end = reader.end_offsets(partitions, timeout_ms=_LOOKUP_MS)
    if spec.offsets is not None:
        if unknown := sorted(spec.offsets.keys() - {p.partition for p in partitions}):
            raise UserError(f"{option} names partition {unknown[0]}, but {partitions[0].topic} has {len(partitions)}")
        return {_own(p): _checked(option, spec.offsets, p, (first[p], end[p])) for p in partitions}
    if spec.time_ms is not None:
        wanted = dict.fromkeys(partitions, spec.time_ms)
        found = reader.offsets_for_times(wanted, timeout_ms=_LOOKUP_MS)
        return {_own(p): end[p] if found[p] is None else min(found[p].offset, end[p]) for p in partitions}
    return {_own(p): offset for p, offset in (first if spec.text == "earliest" else end).items()}


def _checked(option: str, offsets: Mapping[int, int], partition: TopicPartition, held: tuple[int, int]) -> int:
    offset = offsets.get(partition.partition)
    if offset is None:
        raise UserError(f"{option} names no offset of partition {partition.partition} of {partition.topic}")
    if not held[0] <= offset <= held[1]:
        raise UserError(
            f"{option}: offset {offset} of partition {partition.partition} is not there: {partition.topic} holds "
            f"{held[0]} to {held[1]}"
        )
    return offset


def _own(partition: TopicPartition) -> Partition:
    return Partition(partition.topic, partition.partition)


@contextmanager
def _translated_errors(topic: str) -> Iterator[None]:
    try:
        yield
    except AuthorizationError as error:
        raise UserError(f"not allowed to read ({error}): grant this user Read and Describe on topic {topic}") from error
    except KafkaError as error:
        raise unanswered(error, f"{topic} cannot be read") from error
