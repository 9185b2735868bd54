"""The group's offsets as the broker has them now.

What the client does:
- After a call of `committed` that timed out, the next one returns the late answer to the first, however old.
- It asks for one partition at a time.
Since: 2.3.3 keeps such answers as well.
Without the patch: windows that others have delivered since would be delivered again, and nothing could fence that; and
a rebalance takes a round trip for each partition.
Upstream: no issue found.
"""

from collections.abc import Collection

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata


def fetch_committed_offsets(
    consumer: KafkaConsumer, partitions: Collection[TopicPartition], timeout_ms: int
) -> dict[TopicPartition, OffsetAndMetadata]:
    """The group's offsets, with what was committed beside them; those partitions are left out that have none.

    Raises:
        kafka.errors.KafkaTimeoutError: No answer within `timeout_ms`; one of them alone may be to blame.
    """
    consumer._coordinator._offset_fetch_futures.clear()
    found: dict[TopicPartition, OffsetAndMetadata] = consumer._coordinator.fetch_committed_offsets(
        list(partitions), timeout_ms=timeout_ms
    )
    return found


def fetch_committed_offset(
    consumer: KafkaConsumer, partition: TopicPartition, timeout_ms: int
) -> OffsetAndMetadata | None:
    """That of one partition, or None; raises as `fetch_committed_offsets` does."""
    return fetch_committed_offsets(consumer, [partition], timeout_ms).get(partition)
