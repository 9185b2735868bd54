"""Where logs end, and from when their records are, without a wait.

What the client does:
- `highwater` is that of a partition's last fetch. While records of other partitions are worked off it stands still: a
  partition is said to be read to its end while thousands wait there.
- `end_offsets` waits, and of a reader of committed records it tells where the oldest open transaction begins, while
  Kafka's tools count lag up to the end of the log.
- It says nothing of the records that it has fetched ahead.
Since: all of 2.x and 3.0 do.
Without the patch: lag is shown late or never.
Upstream: no issue found.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.future import Future
from kafka.protocol.consumer import IsolationLevel, ListOffsetsRequest, OffsetSpec
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch


def ask_log_ends(consumer: KafkaConsumer, partitions: Collection[TopicPartition]) -> Future:
    """Ask every leader, in the client's own thread.

    Returns:
        A future of the client's. It gives the offset behind the last record of each partition, of open transactions
        too; without those whose leader is unknown or gives none. A leader that is away is waited for, as long as a
        request may take.
    """
    return consumer._manager.call_soon(_ask, consumer, list(partitions))


async def _ask(consumer: KafkaConsumer, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
    leaders = consumer._fetcher._group_list_offset_requests(dict.fromkeys(partitions, OffsetSpec.LATEST))
    answers = [consumer._manager.call_soon(_ask_leader, consumer, node, asked) for node, asked in leaders.items()]
    found: dict[TopicPartition, int] = {}
    for answer in answers:
        with suppress(KafkaError):
            found |= await answer
    return found


async def _ask_leader(
    consumer: KafkaConsumer, node: int, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, int]:
    topics = {partition.topic for partition in partitions}
    request = ListOffsetsRequest(
        isolation_level=IsolationLevel.READ_UNCOMMITTED,
        topics=[(topic, [_latest(each.partition) for each in partitions if each.topic == topic]) for topic in topics],
        min_version=1,  # from which on there is one offset for each
    )
    response = await consumer._manager.send(request, node_id=node)
    return {
        TopicPartition(topic.name, partition.partition_index): partition.offset
        for topic in response.topics
        for partition in topic.partitions
        if not partition.error_code and partition.offset >= 0
    }


def _latest(partition: int) -> Any:
    return ListOffsetsRequest.ListOffsetsTopic.ListOffsetsPartition(
        partition_index=partition, current_leader_epoch=-1, timestamp=OffsetSpec.LATEST
    )


def buffered_times_ms(consumer: KafkaConsumer, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
    """From when the records at these offsets are, where they were fetched and no poll has returned any of that fetch.

    Returns:
        The first time of the batch that holds each, in ms since 1970: the record itself may be younger. Old formats of
        batches are left out.
    """
    found = {}
    for fetch in consumer._fetcher._completed_fetches.copy():  # the client's thread adds to it
        offset = offsets.get(fetch.topic_partition)
        if offset is None or fetch.fetched_offset > offset or not fetch.partition_data.records:
            continue
        batches = MemoryRecords(fetch.partition_data.records)
        while isinstance(batch := batches.next_batch(), DefaultRecordBatch):
            if batch.last_offset >= offset and not batch.is_control_batch:
                is_arrival = batch.timestamp_type == batch.LOG_APPEND_TIME
                found[fetch.topic_partition] = batch.max_timestamp if is_arrival else batch.first_timestamp
                break
    return {partition: time_ms for partition, time_ms in found.items() if time_ms >= 0}
