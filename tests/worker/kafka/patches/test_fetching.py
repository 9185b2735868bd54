"""Reading goes on where the client as it is would stand still."""

import time
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from tests.harness.apache_kafka import KafkaUnderTest
from tests.harness.independent import NewRecord, create_topic, produce
from worker.kafka.patches.apply import apply_patches

RECORDS = 10
PATIENCE_SECONDS = 3


def pause_and_resume(servers: str) -> int:
    """Read one record of a partition, pause it, read all of another, resume; gives how many of the first came."""
    topic = create_topic(servers, partitions=2)
    produce(servers, topic, [NewRecord(b"x", partition=number % 2) for number in range(2 * RECORDS)])
    partitions = [TopicPartition(topic, number) for number in (0, 1)]
    with closing(KafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")) as consumer:
        consumer.assign(partitions)
        first: dict[TopicPartition, list[object]] = {}
        while not first:
            first = consumer.poll(timeout_ms=500, max_records=1)
        (paused,) = first
        consumer.pause(paused)
        read = 0
        while read < RECORDS:
            read += sum(map(len, consumer.poll(timeout_ms=500).values()))
        consumer.resume(paused)
        count, deadline = 1, time.monotonic() + PATIENCE_SECONDS
        while count < RECORDS and time.monotonic() < deadline:
            count += len(consumer.poll(timeout_ms=500).get(paused, ()))
    return count


def test_a_partition_that_was_paused_goes_on_once_it_is_resumed(apache_kafka: KafkaUnderTest) -> None:
    apply_patches()
    assert pause_and_resume(apache_kafka.bootstrap_servers) == RECORDS
