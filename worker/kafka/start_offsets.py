"""Where a partition is read from: the group's offset, what the outputs tell, or where a group starts that is new."""

import logging
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError
from kafka.structs import OffsetAndMetadata

from worker.errors import UserError
from worker.flow import Partition
from worker.kafka.committed_offsets import CommittedOffsets, FindAnswered
from worker.kafka.own_keys import ALL_KEYS, KeyShare
from worker.kafka.patches.offset_fetch import fetch_committed_offset, fetch_committed_offsets
from worker.kafka.topic_ids import LOOKUP_MS, TopicIds

_log = logging.getLogger(__name__)


class Start(NamedTuple):
    """Where a partition is read from, and why there."""

    offset: int
    why: str


class StartOffsets:
    """Finds them for one consumer. `topic_ids` are those of the topics that it reads, `committed` is what is known."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        committed: CommittedOffsets,
        start_offset: str,
        unblock: Callable[[], object] | None = None,
        find_answered: FindAnswered = lambda _: {},
        share: KeyShare = ALL_KEYS,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            consumer: A member of the group.
            committed: What is known to be committed.
            start_offset: `earliest` or `latest`, for partitions that the group never committed.
            unblock: Called where committed offsets are not to be had although brokers answer.
            find_answered: As `CommittedOffsets` has it; asked for partitions without a committed offset.
            share: Of the keys: what is committed holds for these alone.
        """
        self._consumer = consumer
        self.committed = committed
        self._start_offset = start_offset
        self._unblock = unblock
        self._find_answered = find_answered
        self._started_ms = int(time.time() * 1000)
        self._made_anew: dict[str, str | None] = {}  # ids of topics that took the place of others
        self._share = share
        self.topic_ids = TopicIds(consumer, share)

    def find(self, generation: int, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int] | None:
        """A generation of the group begins, with these partitions; gives where to go on, None while that is not known.

        Raises:
            kafka.errors.KafkaError: It cannot be told now.
            UserError: The group's offsets are those of another share of the keys.
        """
        own = {partition: Partition(partition.topic, partition.partition) for partition in partitions}
        before = dict(self._made_anew)
        made_anew = self.topic_ids.look({partition.topic for partition in partitions})
        if made_anew is None:
            return None
        for topic in made_anew:
            self._leave_behind(topic)
        if not self.committed.join(generation, list(own.values())):
            return None
        starts = self._committed_starts(partitions)
        if self._made_anew != before:
            return None  # brokers hear of it one after the other: one may still give out records of the old topic
        unknown = [own[each] for each in partitions if each not in starts and each.topic not in self._made_anew]
        answered = self._find_answered(unknown) if unknown else {}
        if answered is None:
            return None
        for each in partitions:
            if each not in starts and own[each] in answered:
                starts[each] = Start(answered[own[each]], "answers")
        starts |= self._first_starts([each for each in partitions if each not in starts])
        _log.info(
            "partitions_assigned",
            extra={
                "partitions": sorted(each.partition for each in partitions),
                "starts": {f"{each.topic}-{each.partition}": start._asdict() for each, start in sorted(starts.items())},
            },
        )
        return {partition: start.offset for partition, start in starts.items()}

    def _committed_starts(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Start]:
        """Those of partitions that the group has been in; asked for at once, since brokers may be far away."""
        try:
            found = fetch_committed_offsets(self._consumer, partitions, LOOKUP_MS)
        except KafkaTimeoutError:
            alone = {each: self._committed_alone(each) for each in partitions}
            found = {each: committed for each, committed in alone.items() if committed}
        return {each: start for each in partitions if (start := self._committed_start(each, found.get(each)))}

    def _committed_alone(self, partition: TopicPartition) -> OffsetAndMetadata | None:
        try:
            return fetch_committed_offset(self._consumer, partition, LOOKUP_MS)
        except KafkaTimeoutError as error:
            # A coordinator that has forgotten something may wait without end for a transaction whose end it has
            # forgotten as well.
            if not self.committed.is_answered(Partition(partition.topic, partition.partition)):
                if self._unblock:
                    self._consumer.end_offsets([partition], timeout_ms=LOOKUP_MS)  # fails where brokers are away
                    self._unblock()
                raise KafkaTimeoutError(
                    f"{partition.topic}, partition {partition.partition}: its committed offset is withheld: a "
                    "transaction is open there, or the group's coordinator does not answer"
                ) from error
        return None

    def _committed_start(self, partition: TopicPartition, found: OffsetAndMetadata | None) -> Start | None:
        if found and self.topic_ids.is_of_another(partition.topic, found.metadata):
            self._leave_behind(partition.topic)
            found = None
        if found:
            self._share.check(found.metadata, self._consumer.config["group_id"])
        own = Partition(partition.topic, partition.partition)
        offset = self.committed.at_least(own, found.offset if found else None)
        return None if offset is None else Start(offset, "committed")

    def _leave_behind(self, topic: str) -> None:
        """Nothing that is known of the old topic counts for the new one, which is read from its beginning."""
        if self._made_anew.get(topic) != (now := self.topic_ids.known(topic)):
            _log.warning("topic_made_anew", extra={"topic": topic})
            self._made_anew[topic] = now
            self.committed.forget(topic)

    def _first_starts(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Start]:
        anew = [each for each in partitions if each.topic in self._made_anew]
        others = [each for each in partitions if each.topic not in self._made_anew]
        early = [*anew, *others] if self._start_offset == "earliest" else anew
        beginnings = self._consumer.beginning_offsets(early, timeout_ms=LOOKUP_MS) if early else {}
        starts = {each: Start(beginnings[each], "made_anew" if each in anew else "earliest") for each in early}
        if late := [each for each in others if each not in starts]:
            # `latest` means what arrives after this process started, so that a partition added later is read from its
            # beginning. The end is asked first: a record that arrives between the two calls is then read.
            ends = self._consumer.end_offsets(late, timeout_ms=LOOKUP_MS)
            found = self._consumer.offsets_for_times(dict.fromkeys(late, self._started_ms), timeout_ms=LOOKUP_MS)
            for each in late:
                starts[each] = Start(ends[each] if found[each] is None else int(found[each].offset), "latest")
        return starts

    def overtaken(self, partitions: Collection[TopicPartition]) -> list[UserError]:
        """What to say of those whose records retention deleted before the group read them; nothing is begun.

        Raises:
            kafka.errors.KafkaError: It cannot be told now.
            UserError: The group's offsets are those of another share of the keys.
        """
        self.topic_ids.look({partition.topic for partition in partitions})
        starts = self._committed_starts(partitions)
        beginnings = self._consumer.beginning_offsets(list(starts), timeout_ms=LOOKUP_MS) if starts else {}
        return [self.out_of_range(each) for each in sorted(starts) if starts[each].offset < beginnings[each]]

    def out_of_range(self, partition: TopicPartition) -> UserError:
        """What to say where the group's offset leads nowhere."""
        found = fetch_committed_offset(self._consumer, partition, LOOKUP_MS)
        committed = None if found is None else found.offset
        earliest = self._consumer.beginning_offsets([partition], timeout_ms=LOOKUP_MS)[partition]
        latest = self._consumer.end_offsets([partition], timeout_ms=LOOKUP_MS)[partition]
        name = f"{partition.topic}, partition {partition.partition}"
        if committed is not None and committed < earliest:
            what = (
                f"{name}: {earliest - committed} records were deleted before they were read (the group is at offset "
                f"{committed}, the topic now begins at {earliest}): retention overtook the group"
            )
        else:
            at = "nowhere yet" if committed is None else f"at offset {committed}"
            what = (
                f"{name}: the group is {at}, but the topic begins at {earliest} and ends at {latest}: was it made anew?"
            )
        return UserError(
            f"{what}. Nothing was skipped. To go on with what is there, stop all workers of the group and run "
            f"`kafka-consumer-groups.sh --bootstrap-server … --group {self._consumer.config['group_id']} --topic "
            f"{partition.topic}:{partition.partition} --reset-offsets --to-earliest --execute`"
        )
