"""Windows that belong to one generation of the group."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import confluent_kafka as librdkafka
import pytest
from confluent_kafka import Consumer
from kafka import TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaTimeoutError
from kafka.structs import OffsetAndMetadata

from tests.conftest import KafkaUnderTest
from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, create_topic, make_topic_anew, produce
from worker.build import make_sink
from worker.errors import NotDeliveredError, UserError
from worker.flow import Partition, Record, Window
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.patches.offset_fetch import fetch_committed_offset
from worker.kafka.source import Source
from worker.kafka.start_offsets import StartOffsets
from worker.kafka.window_size import WindowSizer
from worker.settings import Settings

COUNT = 400


class SteadySizer(WindowSizer):
    """Windows of one size, whatever they take."""

    def __init__(self, records: int) -> None:
        super().__init__(1.0, 1.0, records, lambda: 0.0, records)

    def start(self, records: int, is_behind: bool, is_cut: bool) -> None:
        pass


def offset_of(committed: OffsetAndMetadata | None) -> int | None:
    return None if committed is None else committed.offset


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
    """A member of the group that commits what it reads; `records` are those whose window was committed."""

    def __init__(self, settings: Settings, consumer: Any, window_records: int) -> None:
        committed = CommittedOffsets()
        self.source = Source(
            consumer,
            settings.input_topics,
            SteadySizer(window_records),
            StartOffsets(consumer, committed, "earliest"),
            lambda _: None,
        )
        self._sink = make_sink(KafkaClients(settings), settings, consumer, DEFAULT_MAX_MESSAGE_BYTES, committed)
        self.records: list[Record] = []

    def turn(self) -> Window:
        self._sink.settle()
        window = self.source.poll()
        if window:
            try:
                self._sink.deliver(window, [])
            except NotDeliveredError:
                self.source.rewind()
            else:
                self.records += window.records
        return window

    def close(self) -> None:
        self._sink.close()
        self.source.close()


class MemberThread(threading.Thread):
    """A member on its own thread."""

    def __init__(self, member: Member) -> None:
        super().__init__(daemon=True)
        self.member = member
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            self.member.turn()

    def stop(self) -> None:
        self._stopping.set()
        if self.is_alive():
            self.join(30)
        self.member.close()


class Followed:
    """A consumer that finds a record at every poll: one that was written just before."""

    def __init__(self, consumer: Any, write: Callable[[], object]) -> None:
        self._consumer, self._write = consumer, write

    def poll(self, **options: Any) -> Any:
        self._write()
        return self._consumer.poll(**options | {"timeout_ms": 500})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)


class Few:
    """A consumer whose polls return one record."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def poll(self, **options: Any) -> Any:
        return self._consumer.poll(**options | {"max_records": 1})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)


@dataclass
class Awaited:
    """A member, its consumer, how to write a record, and whether the consumer has one that nobody took."""

    member: Member
    consumer: Any
    write: Callable[[], object]
    is_answered: Callable[[], object]


def test_a_stream_that_never_pauses_is_not_gathered_until_the_window_is_full(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers, partitions=2)  # one of them stays empty
    settings = Settings(
        bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic, delivery="at_least_once"
    )
    consumer = Followed(
        KafkaClients(settings).consumer(), lambda: produce(servers, topic, [NewRecord(b"v", partition=0)])
    )
    member = Member(settings, consumer, 200)
    try:
        eventually(lambda: member.turn().records, 60, "the first window, with what was written before it joined")
        sizes = [len(eventually(lambda: member.turn().records, 60, "the next window")) for _ in range(5)]
        assert max(sizes) < 20
    finally:
        member.close()


@pytest.fixture
def awaited(apache_kafka: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Awaited]:
    """A member whose consumer has a fetch on its way that is answered by the next record, however late."""
    monkeypatch.setattr("worker.kafka.source._GATHER_MS", 10_000)  # here the brokers may take their time
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    settings = Settings(bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic)
    consumer = KafkaClients(settings).consumer()
    fetcher = consumer._fetcher
    fetcher.config["fetch_max_wait_ms"] = 60_000
    member = Member(settings, consumer, 50)
    try:
        eventually(lambda: (member.turn(), fetcher.in_flight_fetches())[1], 60, "a fetch on its way")
        yield Awaited(
            member, consumer, lambda: produce(servers, topic, [NewRecord(b"v")]), lambda: fetcher._completed_fetches
        )
    finally:
        member.close()


def test_a_window_holds_what_came_after_the_last_answer(awaited: Awaited) -> None:
    """The client asks once ahead, is answered at the next record, and knows of none behind it."""
    awaited.write()
    eventually(awaited.is_answered, 30, "the record is here")
    awaited.write()

    assert [record.origin.offset for record in awaited.member.turn().records] == [0, 1]


def test_an_answer_that_comes_between_two_looks_is_not_slept_over(
    awaited: Awaited, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = awaited.consumer._fetcher.fetched_records
    looks: list[Any] = []
    slept: list[float] = []

    def look_and_be_late(*arguments: Any, **options: Any) -> Any:
        found = look(*arguments, **options)
        if not looks:
            awaited.write()
            eventually(awaited.is_answered, 30, "the record is here, but nobody looks")
        looks.append(found)
        return found

    monkeypatch.setattr(awaited.consumer._fetcher, "fetched_records", look_and_be_late)
    monkeypatch.setattr("kafka.consumer.group.time", SimpleNamespace(sleep=slept.append, monotonic=time.monotonic))

    assert awaited.consumer.poll(timeout_ms=60_000)
    assert slept == []


def test_a_group_with_members_of_another_kind_is_named(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    settings = Settings(bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic)
    other = Consumer(
        {"bootstrap.servers": servers, "group.id": settings.group_id, "partition.assignment.strategy": "range"}
    )
    other.subscribe([topic])
    member = Member(settings, KafkaClients(settings).consumer(), 50)
    try:
        eventually(lambda: other.poll(0.1) or other.assignment(), 60, "it is a member")
        with pytest.raises(UserError, match=r"another kind.*EMOTION_GROUP_ID"):
            eventually(lambda: member.turn().records, 30, "an error")
    finally:
        member.close()
        other.close()


def test_a_window_that_is_read_again_is_no_rebalance(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    settings = Settings(bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic)
    produce(servers, topic, [NewRecord(b"v")])
    member = Member(settings, KafkaClients(settings).consumer(), 50)
    try:
        for _ in range(3):
            window = eventually(member.source.poll, 60, "the window", interval_s=0)
            assert [record.origin.offset for record in window.records] == [0]
            assert member.source.status().generations == 1
            member.source.rewind()
    finally:
        member.close()


def test_keys_and_headers_count_as_bytes_of_a_window(
    apache_kafka: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.kafka.source._WINDOW_BYTES", 100_000)
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    settings = Settings(bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic)
    large = NewRecord(b"v", b"k" * 30_000, headers=(("h", b"x" * 30_000),), partition=0)
    produce(servers, topic, [large] * 40)
    member = Member(settings, Few(KafkaClients(settings).consumer()), 200)
    try:
        sizes = [len(eventually(lambda: member.turn().records, 60, "a window", interval_s=0)) for _ in range(5)]
    finally:
        member.close()
    assert sizes == [2] * 5


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
        broker = KafkaClients(Settings(bootstrap_servers=breakable_kafka.proxied_bootstrap_servers, group_id=group))
        consumer = broker.consumer()
        commit(1)
        assert offset_of(fetch_committed_offset(consumer, partition, 5000)) == 1
        proxy.stall()
        with pytest.raises(KafkaTimeoutError):
            fetch_committed_offset(consumer, partition, 500)
        asked = list(consumer._coordinator._offset_fetch_futures.values())
        proxy.resume()
        eventually(lambda: all(future.is_done for future in asked), 30, "the late answer is there")
        commit(100)
        assert offset_of(fetch_committed_offset(consumer, partition, 5000)) == 100
        consumer.close(autocommit=False)


def test_a_commit_that_the_brokers_have_forgotten_is_not_delivered_again(
    apache_kafka: KafkaUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    settings = Settings(
        bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic, delivery="at_least_once"
    )
    consumer = KafkaClients(settings).consumer()
    member = Member(settings, consumer, 50)
    produce(servers, topic, [NewRecord(b"v", partition=0)] * 100)

    def read(count: int) -> bool:
        member.turn()
        return len(member.records) >= count

    try:
        eventually(lambda: read(100), 60, "all are read", interval_s=0)
        member.turn()
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(10, "", -1)})
        member.source.rewind()
        produce(servers, topic, [NewRecord(b"v", partition=0)])
        eventually(lambda: read(101), 60, "the next one is read", interval_s=0)
        assert [record.origin.offset for record in member.records] == list(range(101))
        assert offset_of(fetch_committed_offset(consumer, TopicPartition(topic, 0), 5000)) == 101
        assert [r.message for r in caplog.records if r.name == "worker.kafka.committed_offsets"].count(
            "offset_went_back"
        ) == 1
    finally:
        member.close()


def test_a_window_that_was_committed_in_part_is_read_on_from_there(
    apache_kafka: KafkaUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    """As a bounded run commits its last window: up to the end of its range."""
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    settings = Settings(
        bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic, delivery="at_least_once"
    )
    consumer, committed = KafkaClients(settings).consumer(), CommittedOffsets()
    source = Source(consumer, [topic], SteadySizer(50), StartOffsets(consumer, committed, "earliest"), lambda _: None)
    sink = make_sink(KafkaClients(settings), settings, consumer, DEFAULT_MAX_MESSAGE_BYTES, committed)
    produce(servers, topic, [NewRecord(b"v", partition=0)] * 50)
    try:
        window = eventually(source.poll, 60, "a window", interval_s=0)
        sink.deliver(replace(window, next_offsets={Partition(topic, 0): 10}), [])
        source.poll()
        source.rewind()
        again = eventually(source.poll, 60, "the rest of it", interval_s=0)
        assert [record.origin.offset for record in again.records] == list(range(10, 50))
        assert "offset_went_back" not in [record.message for record in caplog.records]
    finally:
        sink.close()
        source.close()


class Forgetful:
    """A consumer whose next polls find nothing, as if what the client finds came just after each."""

    def __init__(self, consumer: Any) -> None:
        self._consumer, self.empty_polls = consumer, 0

    def poll(self, **options: Any) -> Any:
        if self.empty_polls:
            self.empty_polls -= 1
            return {}
        return self._consumer.poll(**options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)


@pytest.mark.parametrize("empty_polls", [0, 1])  # the position of the new topic is not known yet, or already is
def test_what_the_client_finds_of_a_topic_that_was_made_anew_just_now_ends_nothing(
    empty_polls: int, apache_kafka: KafkaUnderTest
) -> None:
    """Its id is known by then, and the client still looked for the position of the old one."""
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    settings = Settings(
        bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic, delivery="at_least_once"
    )
    produce(servers, topic, [NewRecord(b"old", partition=0)] * 100)
    consumer = KafkaClients(settings).consumer()
    forgetful = Forgetful(consumer)
    member = Member(settings, forgetful, 100)

    def read(value: bytes, count: int) -> bool:
        member.turn()
        return [record.value for record in member.records].count(value) >= count

    try:
        eventually(lambda: read(b"old", 100), 60, "all are read", interval_s=0)
        make_topic_anew(servers, topic)
        member.source.rewind()
        assert member.source._starts.topic_ids.look([topic]) == [topic]  # as by the turn that finds the new one

        def is_found() -> bool:
            consumer._subscription.request_position_validation(TopicPartition(topic, 0))
            if consumer._fetcher._cached_log_truncation is None:
                consumer._fetcher.validate_offsets_if_needed()
            return consumer._fetcher._cached_log_truncation is not None

        eventually(is_found, 30, "the client has seen that the log is shorter", interval_s=0.05)
        produce(servers, topic, [NewRecord(b"new", partition=0)])
        forgetful.empty_polls = empty_polls
        eventually(lambda: read(b"new", 1), 60, "the new one is read", interval_s=0)
    finally:
        member.close()


@pytest.mark.parametrize("is_told", [True, False])
def test_a_transaction_whose_end_was_forgotten_is_not_waited_for_where_the_outputs_tell(
    is_told: bool, apache_kafka: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("worker.kafka.start_offsets.LOOKUP_MS", 1000)
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    settings = Settings(bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic)
    produce(servers, topic, [NewRecord(b"v", partition=0)] * 20)
    other = Consumer({"bootstrap.servers": servers, "group.id": settings.group_id})
    producer = librdkafka.Producer({"bootstrap.servers": servers, "transactional.id": topic})
    producer.init_transactions()
    producer.begin_transaction()  # which stays open: the coordinator gives no stable offset
    producer.send_offsets_to_transaction([librdkafka.TopicPartition(topic, 0, 5)], other.consumer_group_metadata(), 30)
    other.close()
    committed = CommittedOffsets(lambda _: {Partition(topic, 0): 10} if is_told else {})
    committed.join(1_000_000, [Partition(topic, 0)])  # so the generation goes back
    calls: list[str] = []
    consumer = KafkaClients(settings).consumer()
    source = Source(
        consumer,
        [topic],
        SteadySizer(50),
        StartOffsets(consumer, committed, "earliest", lambda: calls.append("unblock")),
        lambda _: None,
    )
    try:
        if is_told:
            window = eventually(source.poll, 60, "a window", interval_s=0)
            assert [record.origin.offset for record in window.records] == list(range(10, 20))
            assert calls == []
        else:

            def gave_up() -> bool:
                assert not source.poll().records
                return "broker_away" in [record.message for record in caplog.records]

            eventually(gave_up, 60, "the coordinator gives no answer", interval_s=0)
            assert "unblock" in calls
    finally:
        source.close()
        producer.abort_transaction()


@pytest.mark.parametrize("assignor", [CooperativeStickyAssignor, RangePartitionAssignor])
def test_a_window_that_a_rejoin_falls_into_is_dropped_and_read_again(
    assignor: type, apache_kafka: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.kafka.clients.CooperativeStickyAssignor", assignor)
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers, partitions=4)
    settings = Settings(
        bootstrap_servers=servers, group_id=f"group-of-{topic}", input_topic=topic, delivery="at_least_once"
    )
    broker = KafkaClients(settings)
    other = MemberThread(Member(settings, broker.consumer(), 50))
    consumer = broker.consumer()
    joined = threading.Event()

    def join() -> None:
        other.start()
        eventually(consumer._coordinator.need_rejoin, 30, "the group asks for a rejoin")
        joined.set()

    # Poll 2 with records is in the middle of gathering a window.
    member = Member(settings, Rejoining(consumer, 2, join), COUNT)
    written = produce(servers, topic, [NewRecord(b"v", partition=index % 4) for index in range(COUNT)])
    turns: list[Window] = []

    def turn_until_joined() -> bool:
        turns.append(member.turn())
        return joined.is_set()

    def all_read() -> bool:
        member.turn()
        return len(member.records) + len(other.member.records) >= COUNT

    try:
        eventually(turn_until_joined, 60, "the other joins in the middle of gathering", interval_s=0)
        assert not turns[-1], "the window that the rejoin fell into is not handed over"
        eventually(all_read, 60, "both have read everything", interval_s=0)
        places = [(r.origin.partition, r.origin.offset) for r in [*member.records, *other.member.records]]
        assert sorted(places) == sorted(written)
        assert len(other.member.records) > 0
    finally:
        member.close()
        other.stop()
