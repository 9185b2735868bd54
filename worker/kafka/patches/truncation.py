"""A log that became shorter is told of positions that are read from, not of those that were left.

What the client does: it asks in the background whether a log still holds what was read of it, and raises what came of
it at the next poll, also where a seek has left that position meanwhile.
Since: 3.0.0, which asks first (KIP-320).
Without the patch: where a topic of several partitions was made anew, a worker that reads the new one ends, by an error
about the old one.
Upstream: no issue found.
"""

from kafka import KafkaConsumer
from kafka.errors import LogTruncationError


def is_of_left_positions(consumer: KafkaConsumer, error: LogTruncationError, timeout_ms: int) -> bool:
    """Whether all positions that it tells of were left for others that the logs hold."""
    return all(
        end is not None and consumer.position(partition, timeout_ms=timeout_ms) <= end.offset
        for partition, end in error.divergent_offsets.items()
    )
