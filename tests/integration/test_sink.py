"""Deliveries that fail, and what the next producer makes of them."""

import gc
import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial

import orjson
import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, committed_offsets, create_topic, produce, read_topic
from worker.build import make_sink
from worker.errors import NotDeliveredError, UserError
from worker.flow import ModelInfo, Outcome, Prediction, Request, Window
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.committed_outputs import find_visible
from worker.kafka.patches.producer import WindowProducer
from worker.kafka.sink import Sink
from worker.kafka.source import Source
from worker.kafka.start_offsets import StartOffsets
from worker.kafka.window_size import WindowSizer
from worker.messages.encode import Encoder
from worker.messages.target import Target
from worker.settings import Settings, load_settings


def label(topic: str) -> Outcome:
    return Outcome(0, topic, 0, None, b"label", [], None)


def nobody_answers(*_: object) -> None:
    raise KafkaTimeoutError("no answer")


def labelled(servers: str, output: str) -> list[int]:
    """The offsets of the texts that have a committed label."""
    return [orjson.loads(record.value or b"")["source"]["offset"] for record in read_topic(servers, output)]


@contextmanager
def window_and_sink(servers: str, delivery: str = "exactly_once") -> Iterator[tuple[Window, Sink]]:
    """A window of one text that waits for its delivery."""
    topic = create_topic(servers)
    settings = load_settings(bootstrap_servers=servers, group_id=topic, input_topic=topic, delivery=delivery)
    broker, committed = KafkaClients(settings), CommittedOffsets()
    consumer = broker.consumer()
    sizer = WindowSizer(1.0, 1.0, 100, lambda: 0.0)
    source = Source(consumer, [topic], sizer, StartOffsets(consumer, committed, "earliest"), lambda _: None)
    produce(servers, topic, [NewRecord(b"text")])
    with (
        closing(source),
        closing(make_sink(broker, settings, consumer, DEFAULT_MAX_MESSAGE_BYTES, committed)) as sink,
    ):
        yield eventually(source.poll, 60, "the text", interval_s=0), sink


@pytest.mark.parametrize("end", ["committed", "committed, and the next has not begun", "never committed"])
def test_what_brokers_left_open_ends_as_its_transaction_ended(
    breakable_kafka: ApacheKafka, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """As after a broker that skipped the markers of a window: its labels are seen if and only if it was committed."""
    servers = breakable_kafka.bootstrap_servers
    output = create_topic(servers)
    breakable_kafka.set_broker_config("transaction.partition.verification.enable", "false")  # it would refuse them
    if end == "never committed":
        monkeypatch.setattr(WindowProducer, "commit_transaction", nobody_answers)
    with window_and_sink(servers) as (window, sink):
        producer = sink._producer
        assert producer is not None
        producer._transaction_manager._partitions_in_transaction.add(TopicPartition(output, 0))  # untrue
        if end == "committed":
            sink.deliver(window, [label(output)])
            sink.close()
        elif end != "never committed":
            sink.deliver(window, [label(output)])
            monkeypatch.setattr(producer, "deliver", nobody_answers)
            with pytest.raises(NotDeliveredError):
                sink.deliver(window, [label(output)])
        else:
            with pytest.raises(NotDeliveredError):
                sink.deliver(window, [label(output)])
        assert not read_topic(servers, output)
        sink.settle()
        labels = [record.value for record in read_topic(servers, output)]
    assert labels == ([] if end == "never committed" else [b"label"])


def test_a_producer_with_nothing_to_do_closes_its_connections_and_opens_them_again(
    breakable_kafka: ApacheKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Load balancers forget connections that are idle, without a word to either side."""
    monkeypatch.setattr("worker.kafka.clients._PRODUCER_IDLE_MS", 1_000)
    output = create_topic(breakable_kafka.bootstrap_servers)
    with window_and_sink(breakable_kafka.bootstrap_servers) as (window, sink):
        for count in (1, 2):
            sink.deliver(window, [label(output)])
            assert len(read_topic(breakable_kafka.bootstrap_servers, output, at_least=count)) == count
            producer = sink._producer
            assert producer is not None
            connections = producer._sender._client._manager._conns
            eventually(lambda: not connections, 30, "the producer is connected to no broker")  # noqa: B023


def test_what_was_left_open_of_a_window_before_the_last_one_is_committed(
    breakable_kafka: ApacheKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its markers were forgotten, and the windows behind it had nothing for its partition: the last of them failed."""
    servers = breakable_kafka.bootstrap_servers
    breakable_kafka.set_broker_config("transaction.partition.verification.enable", "false")
    quiet, busy = create_topic(servers), create_topic(servers)
    with window_and_sink(servers) as (window, sink):
        producer = sink._producer
        assert producer is not None
        producer._transaction_manager._partitions_in_transaction.add(TopicPartition(quiet, 0))  # untrue
        sink.deliver(window, [label(quiet)])
        sink.deliver(window, [label(busy)])
        monkeypatch.setattr(producer, "commit_transaction", nobody_answers)
        with pytest.raises(NotDeliveredError):
            sink.deliver(window, [label(busy)])
        assert not read_topic(servers, quiet)
        sink.settle()
        seen = [len(read_topic(servers, topic)) for topic in (quiet, busy)]
    assert seen == [1, 1]


def test_a_commit_that_the_abort_of_the_next_window_undoes_in_one_topic_is_made_again(
    breakable_kafka: ApacheKafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a broker that skipped the marker of the labels, but not the group's: the offsets say that it is done."""
    servers = breakable_kafka.bootstrap_servers
    breakable_kafka.set_broker_config("transaction.partition.verification.enable", "false")
    topic, output, letters = (create_topic(servers) for _ in range(3))
    settings = load_settings(
        bootstrap_servers=servers, group_id=topic, input_topic=topic, output_topic=output, dead_letter_topic=letters
    )
    broker = KafkaClients(settings)
    consumer, committed = (
        broker.consumer(),
        CommittedOffsets(find_visible=partial(find_visible, broker, settings)),
    )
    source = Source(
        consumer,
        [topic],
        WindowSizer(1.0, 1.0, 1, lambda: 0.0),
        StartOffsets(consumer, committed, "earliest"),
        lambda _: None,
    )
    target = Target(output, DEFAULT_MAX_MESSAGE_BYTES)
    encoder = Encoder(ModelInfo("m", "sha256:00", ["sad", "glad"], None), target, target, lambda: 0)

    def outcomes(window: Window) -> list[Outcome]:
        (record,) = window.records
        request = Request(0, "id", "a text", record.origin)
        return encoder.encode(window.records, [Prediction(request, 3, truncated=False, scores=[0.1, 0.9])])

    def next_window() -> Window:
        return eventually(source.poll, 60, "a text", interval_s=0)

    produce(servers, topic, [NewRecord(str(number).encode()) for number in range(4)])
    with (
        closing(source),
        closing(make_sink(broker, settings, consumer, DEFAULT_MAX_MESSAGE_BYTES, committed)) as sink,
    ):
        sink.deliver(first := next_window(), outcomes(first))
        eventually(lambda: labelled(servers, output) == [0], 30, "its marker is written, which comes after the answer")
        producer = sink._producer
        assert producer is not None
        producer._transaction_manager._partitions_in_transaction.add(TopicPartition(output, 0))  # untrue
        sink.deliver(second := next_window(), outcomes(second))
        monkeypatch.setattr(producer, "commit_transaction", nobody_answers)
        with pytest.raises(NotDeliveredError):
            sink.deliver(third := next_window(), outcomes(third))
        source.rewind()
        sink.settle()
        assert labelled(servers, output) == [0]
        assert committed_offsets(servers, topic, topic) == {0: 2}
        for offset in (1, 2, 3):
            window = next_window()
            assert [record.origin.offset for record in window.records] == [offset]
            sink.deliver(window, outcomes(window))
        assert labelled(servers, output) == [0, 1, 2, 3]
        assert committed_offsets(servers, topic, topic) == {0: 4}
    assert [record.message for record in caplog.records].count("commit_undone") == 1


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_nothing_goes_out_behind_what_was_refused(breakable_kafka: ApacheKafka, delivery: str) -> None:
    """Else the second label would stand before the first, and before itself, when the window was read again."""
    servers = breakable_kafka.bootstrap_servers
    output = create_topic(servers, config={"max.message.bytes": "20000"})  # lowered after the worker's start
    outcomes = [replace(label(output), value=bytes(size)) for size in (DEFAULT_MAX_MESSAGE_BYTES - 1000, 10_000)]
    with window_and_sink(servers, delivery) as (window, sink):
        with pytest.raises(UserError, match=r"max\.message\.bytes"):
            sink.deliver(window, outcomes)
        sink.close()
        assert not read_topic(servers, output, isolation="read_uncommitted")


def test_a_topic_that_brokers_say_nothing_of_is_named(breakable_kafka: ApacheKafka) -> None:
    with (
        window_and_sink(breakable_kafka.bootstrap_servers) as (window, sink),
        pytest.raises(NotDeliveredError, match=r"no-such-topic.*deleted"),
    ):
        sink.deliver(window, [label("no-such-topic")])


def test_tries_that_fail_leave_no_sockets_behind(breakable_kafka: ApacheKafka) -> None:
    with window_and_sink(breakable_kafka.bootstrap_servers) as (_, sink):
        sink.close()
        away = KafkaClients(Settings(bootstrap_servers="127.0.0.1:1"))
        sink._make_producer = lambda: away.producer(DEFAULT_MAX_MESSAGE_BYTES, "any")

        def open_files() -> int:
            return len(os.listdir("/proc/self/fd"))

        gc.disable()  # in a worker it runs as good as never by itself
        logging.disable()  # pytest's records would keep the clients
        try:
            with pytest.raises(NotDeliveredError):
                sink.settle()
            first = open_files()
            with pytest.raises(NotDeliveredError):
                sink.settle()
            # Other clients of this process may be about to connect, which passes; what was left behind would stay.
            eventually(lambda: open_files() <= first, 10, "the second try leaves no more open than the first")
        finally:
            logging.disable(logging.NOTSET)
            gc.enable()
