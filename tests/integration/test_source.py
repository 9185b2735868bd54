"""Windows that belong to one generation of the group."""

import threading
from typing import Any

import confluent_kafka as librdkafka
import pytest
from confluent_kafka import Consumer
from kafka import TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaTimeoutError

from tests.conftest import KafkaUnderTest
from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, create_topic, produce
from worker.broker import Broker
from worker.flow import Record
from worker.kafka_compat import committed_now
from worker.pace import Pace
from worker.settings import Settings
from worker.source import Source

COUNT = 400


def pace(records: int) -> Pace:
    """Windows of this size from the start, whatever they take."""
    steady = Pace(1.0, records, lambda: 0.0)
    while steady.next_size() < records:
        steady.hand_over(records)
    return steady


class Rejoining:
    """A consumer whose poll number `at` finds that the group has to rejoin: another member has just come."""

    def __init__(self, consumer: Any, at: int, join: Any) -> None:
        self._consumer, self._at, self._join, self._polls = consumer, at, join, 0

    def poll(self, **options: Any) -> Any:
        options["max_records"] = min(options["max_records"], 50)  # so that a window takes several polls
        records = self._consumer.poll(**options)
        if records:
            self._polls += 1
            if self._polls == self._at:
                self._join()
        return records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)


class Member:
    """Another member of the group, on its own thread, which reads all that it is given."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self.source = Source(broker.consumer(), topic, pace(50), "earliest", lambda _: None)
        self.records: list[Record] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30)
        self.source.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.records += self.source.poll().records


def test_an_offset_is_the_brokers_own_also_after_a_time_out(breakable_kafka: ApacheKafka) -> None:
    """kafka-python keeps the late answer to a call that timed out, for the next call."""
    servers = breakable_kafka.bootstrap_servers
    topic = create_topic(servers)
    group = f"group-of-{topic}"
    other = Consumer({"bootstrap.servers": servers, "group.id": group})
    partition = TopicPartition(topic, 0)

    def commit(offset: int) -> None:
        other.commit(offsets=[librdkafka.TopicPartition(topic, 0, offset)], asynchronous=False)

    with breakable_kafka.proxy() as proxy:
        broker = Broker(Settings(bootstrap_servers=breakable_kafka.proxied_bootstrap_servers, group_id=group))
        consumer = broker.consumer()
        commit(1)
        assert committed_now(consumer, partition, 5000) == 1
        proxy.stall()
        with pytest.raises(KafkaTimeoutError):
            committed_now(consumer, partition, 500)
        asked = list(consumer._coordinator._offset_fetch_futures.values())
        proxy.resume()
        eventually(lambda: all(future.is_done for future in asked), 30, "the late answer is there")
        commit(100)
        assert committed_now(consumer, partition, 5000) == 100
        consumer.close(autocommit=False)


@pytest.mark.parametrize("assignor", [CooperativeStickyAssignor, RangePartitionAssignor])
def test_a_window_that_a_rejoin_falls_into_is_dropped_and_read_again(
    assignor: type, apache_kafka: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.broker.CooperativeStickyAssignor", assignor)
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers, partitions=4)
    settings = Settings(bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic)
    broker = Broker(settings)
    other = Member(broker, topic)
    consumer = broker.consumer()

    def join() -> None:
        other.start()
        eventually(consumer._coordinator.need_rejoin, 30, "the group asks for a rejoin")

    rejoining = Rejoining(consumer, 2, join)  # poll 2 with records is in the middle of gathering a window
    source = Source(rejoining, topic, pace(COUNT), "earliest", lambda _: None)
    written = produce(servers, topic, [NewRecord(b"v", partition=index % 4) for index in range(COUNT)])
    try:
        mine: list[Record] = []
        generations = set()

        def all_read() -> bool:
            window = source.poll()
            mine.extend(window.records)
            if window.records:
                generations.add(window.membership.generation_id)
            return len(mine) + len(other.records) >= COUNT

        eventually(all_read, 60, "both have read everything", interval_s=0)
        places = [(r.origin.partition, r.origin.offset) for r in [*mine, *other.records]]
        assert sorted(places) == sorted(written)
        assert len(other.records) > 0
        assert len(generations) == 1
    finally:
        source.close()
        other.stop()
