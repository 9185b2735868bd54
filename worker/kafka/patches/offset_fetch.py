"""The group's offset as the broker has it now.

What the client does: after a call of `committed` that timed out, the next one returns the late answer to the first,
however old.
Since: 2.3.3 keeps such answers as well.
Without the patch: windows that others have delivered since would be delivered again, and nothing could fence that.
Upstream: no issue found.
"""

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata


def fetch_committed_offset(
    consumer: KafkaConsumer, partition: TopicPartition, timeout_ms: int
) -> OffsetAndMetadata | None:
    """The group's offset of a partition, with what was committed beside it; None if it has none.

    Raises:
        kafka.errors.KafkaTimeoutError: No answer within `timeout_ms`.
    """
    consumer._coordinator._offset_fetch_futures.clear()
    return consumer.committed(partition, metadata=True, timeout_ms=timeout_ms)
