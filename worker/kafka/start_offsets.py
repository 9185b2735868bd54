"""Where a partition is read from: the group's offset, or where a group starts that has none."""

import time
from collections.abc import Callable, Collection

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError

from worker.errors import UserError
from worker.flow import Partition
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.patches.offset_fetch import fetch_committed_offset

LOOKUP_MS = 5_000  # what the client would wait for without end while its brokers are away


class StartOffsets:
    """Finds them for one consumer."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        committed: CommittedOffsets,
        start_offset: str,
        unblock: Callable[[], object] | None = None,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            consumer: A member of the group.
            committed: What is known to be committed.
            start_offset: `earliest` or `latest`, for partitions that the group never committed.
            unblock: Called where committed offsets are not to be had although brokers answer.
        """
        self._consumer = consumer
        self._committed = committed
        self._start_offset = start_offset
        self._unblock = unblock
        self._started_ms = int(time.time() * 1000)

    def join(self, generation: int, partitions: Collection[int]) -> bool:
        """A generation of the group begins, with these partitions; gives whether `find` can be asked already."""
        return self._committed.join(generation, partitions)

    def find(self, partition: TopicPartition) -> int:
        """Where to go on in this generation.

        Raises:
            kafka.errors.KafkaError: It cannot be told now.
        """
        own = Partition(partition.topic, partition.partition)
        try:
            committed = fetch_committed_offset(self._consumer, partition, LOOKUP_MS)
        except KafkaTimeoutError:
            # A coordinator that has forgotten something may wait without end for a transaction whose end it has
            # forgotten as well.
            if not self._committed.is_answered(own):
                if self._unblock:
                    self._consumer.end_offsets([partition], timeout_ms=LOOKUP_MS)  # fails where brokers are away
                    self._unblock()
                raise
            committed = None
        committed = self._committed.at_least(own, committed)
        if committed is not None:
            return committed
        if self._start_offset == "earliest":
            start: int = self._consumer.beginning_offsets([partition], timeout_ms=LOOKUP_MS)[partition]
            return start
        # `latest` means what arrives after this process started, so that a partition added later is read from its
        # beginning. The end is asked first: a record that arrives between the two calls is then read.
        end: int = self._consumer.end_offsets([partition], timeout_ms=LOOKUP_MS)[partition]
        found = self._consumer.offsets_for_times({partition: self._started_ms}, timeout_ms=LOOKUP_MS)[partition]
        return end if found is None else int(found.offset)

    def out_of_range(self, partition: TopicPartition) -> UserError:
        """What to say where the group's offset leads nowhere."""
        committed = fetch_committed_offset(self._consumer, partition, LOOKUP_MS)
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
