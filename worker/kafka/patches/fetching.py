"""Fetching: an answer is not slept over, and a partition that was paused goes on.

What the client does:
- Where it finds nothing to wait for it sleeps for 100 ms. An answer that arrives after it has looked for one, and
  before it asks for more, is nothing to wait for either.
- Records that were fetched of a partition before it was paused are parked. They come back only while no others are in
  line, and those in line count even when all of them were handed out. Meanwhile it asks for no more of the partition.
Since: 3.0.0, whose `fetch_records` replaced the loop of the versions before.
Without the patch: a lone text takes 0.1 s longer now and then; and of a partition that was paused and resumed nothing
comes any more, not even after a seek (findings/kafka_python_resume_leaves_a_partition_unread.sh).
Upstream: no issue found.
"""

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher

_fetch_once = Fetcher.fetch_records


def fetch_records(
    fetcher: Fetcher, *arguments: object, **options: object
) -> tuple[dict[TopicPartition, list[object]], bool]:
    """What was fetched, and whether there is nothing to wait for. A late answer is found the second time."""
    if not fetcher._next_partition_records:  # all of them were handed out
        fetcher._next_partition_records = None
    found, is_idle = _fetch_once(fetcher, *arguments, **options)
    return _fetch_once(fetcher, *arguments, **options) if is_idle else (found, is_idle)


def has_buffered_records(consumer: KafkaConsumer) -> bool:
    """Whether records are here that no poll has returned: the client asks ahead, and is answered by the next record.

    Nothing public tells.
    """
    return bool(consumer._fetcher._completed_fetches or consumer._fetcher._next_partition_records)
