"""Exactly once while things break: what a read_committed reader on another client sees."""

import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from kafka import ConsumerGroupMetadata, TopicPartition
from kafka.future import Future
from kafka.structs import MemberState

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, StoredRecord, add_partitions, create_topic, read_topic
from tests.harness.proxy import END_TXN
from tests.integration.conftest import Stream, identities, message
from worker.kafka.clients import KafkaClients
from worker.settings import load_settings

TXN_OFFSET_COMMIT = 28  # the api key of the request that puts offsets into a transaction
COUNT = 6000  # more than a worker can label between two looks of a test


@pytest.fixture
def stream(breakable_kafka: ApacheKafka, tiny_model: Path, tmp_path: Path) -> Stream:
    stream = Stream(breakable_kafka.bootstrap_servers, tmp_path, tiny_model, settings={"delivery": "exactly_once"})
    stream.settings["bootstrap_servers"] = breakable_kafka.proxied_bootstrap_servers
    return stream


def records() -> list[NewRecord]:
    return [message(f"m{index}", f"text number {index}", partition=index % 2) for index in range(COUNT)]


def assert_exactly_once_in_order(labels: list[StoredRecord]) -> None:
    found = identities(labels)
    assert len(found) == len(set(found)), f"{len(found) - len(set(found))} labels came twice"
    assert set(found) == {f"m{index}" for index in range(COUNT)}
    for partition in (0, 1):
        offsets = [orjson.loads(r.value or b"")["source"]["offset"] for r in labels if r.partition == partition]
        assert offsets == sorted(offsets)


def some_labels(stream: Stream, count: int = 1) -> Callable[[], bool]:
    return lambda: len(read_topic(stream.servers, stream.output)) >= count


def test_a_kill_before_the_end_of_a_transaction_is_never_seen(breakable_kafka: ApacheKafka, stream: Stream) -> None:
    stream.produce(records())
    with breakable_kafka.proxy() as proxy, stream.worker() as first:
        proxy.swallow(TXN_OFFSET_COMMIT)
        eventually(lambda: proxy.swallowed, 90, "labels are sent, and their offsets are on the way")
        first.kill()
    assert read_topic(stream.servers, stream.output) == []
    # What a reader sees that does not ask for committed records only: labels that will come again.
    assert len(read_topic(stream.servers, stream.output, isolation="read_uncommitted")) == 64
    assert stream.committed() == {}
    with breakable_kafka.proxy(), stream.worker() as second:
        labels = stream.labels(COUNT)
        assert second.terminate() == 0
    assert_exactly_once_in_order(labels)
    assert len(read_topic(stream.servers, stream.output, isolation="read_uncommitted")) == COUNT + 64
    assert sum(stream.committed().values()) == COUNT


@pytest.mark.parametrize("api_key", [END_TXN, TXN_OFFSET_COMMIT])
def test_an_answer_that_never_comes_costs_nothing(breakable_kafka: ApacheKafka, stream: Stream, api_key: int) -> None:
    stream.produce(records()[: COUNT // 2])
    with breakable_kafka.proxy() as proxy, stream.worker() as worker:
        eventually(some_labels(stream), 90, "the first labels are out")
        proxy.swallow(api_key)
        # a worker that was through with the others still has something to answer
        stream.produce(records()[COUNT // 2 :])
        labels = stream.labels(COUNT)
        assert proxy.swallowed == [api_key]
        assert "window_not_delivered" in worker.log
        assert worker.terminate() == 0
    assert_exactly_once_in_order(labels)


def test_a_network_that_breaks_again_and_again_costs_nothing(breakable_kafka: ApacheKafka, stream: Stream) -> None:
    stream.produce(records())
    with breakable_kafka.proxy() as proxy, stream.worker() as worker:
        for count in (100, 500, 900, 1300):
            eventually(some_labels(stream, count), 90, f"{count} labels are out")
            proxy.cut_connections()
        labels = stream.labels(COUNT)
        assert worker.terminate() == 0
    assert_exactly_once_in_order(labels)


def test_a_broker_that_is_away_for_a_while_is_waited_for(breakable_kafka: ApacheKafka, stream: Stream) -> None:
    stream.produce(records())
    with breakable_kafka.proxy() as proxy, stream.worker() as worker:
        eventually(some_labels(stream), 90, "the first labels are out")
        proxy.cut()
        # For longer than any of the client's own time-outs, the producer's second start included.
        eventually(lambda: worker.log.count("broker_away") >= 3, 120, "it has tried again and again")
        proxy.resume()
        labels = stream.labels(COUNT)
        assert worker.terminate() == 0
    assert_exactly_once_in_order(labels)


def test_a_broker_that_is_away_is_seen_also_by_workers_that_have_nothing_to_do(
    breakable_kafka: ApacheKafka, stream: Stream
) -> None:
    with breakable_kafka.proxy() as proxy, stream.worker() as one, stream.worker() as two, stream.worker() as three:
        workers = [one, two, three]  # and two partitions
        for worker in workers:
            worker.wait_for("partitions_assigned")
        proxy.cut()
        for worker in workers:
            worker.wait_for("broker_away", 60)
        proxy.resume()
        stream.produce(records())
        labels = stream.labels(COUNT)
        assert [worker.terminate() for worker in workers] == [0, 0, 0]
    assert_exactly_once_in_order(labels)


# In half the runs the broker comes back having forgotten the markers of the last transaction (see end_what_is_open).
def test_a_broker_that_restarts_costs_nothing(breakable_kafka: ApacheKafka, stream: Stream) -> None:
    stream.produce(records())
    with breakable_kafka.proxy(), stream.worker() as worker:
        eventually(some_labels(stream), 90, "the first labels are out")
        breakable_kafka.kill()
        breakable_kafka.restart()
        labels = stream.labels(COUNT)
        assert worker.terminate() == 0
    assert_exactly_once_in_order(labels)


@pytest.mark.parametrize("back", ["at once", "after the worker has given up"])
def test_a_broker_that_dies_with_a_commit_it_has_just_acknowledged_costs_nothing(
    back: str, breakable_kafka: ApacheKafka, stream: Stream
) -> None:
    """It comes back having forgotten the markers of that commit, in most runs."""
    stream.produce(records())
    with breakable_kafka.proxy() as proxy:
        proxy.strike(END_TXN, breakable_kafka.kill, after=5)
        with stream.worker() as worker:
            eventually(lambda: not breakable_kafka.nodes[0].running, 90, "a commit is answered")
            if back != "at once":
                worker.wait_for("broker_away")
            breakable_kafka.restart()
            labels = stream.labels(COUNT)
            assert worker.terminate() == 0
    assert_exactly_once_in_order(labels)


def test_a_worker_that_dies_together_with_the_broker_leaves_nothing_open(
    breakable_kafka: ApacheKafka, stream: Stream
) -> None:
    """As where all run on one host: the commit was acknowledged, and in most runs its markers are forgotten."""
    stream.produce(records())
    with breakable_kafka.proxy() as proxy, stream.worker() as worker:

        def fail() -> None:
            breakable_kafka.kill()
            worker.process.kill()

        proxy.strike(END_TXN, fail, after=5)
        worker.wait_for_exit()
        breakable_kafka.restart()
        with stream.worker() as heir:
            labels = stream.labels(COUNT)
            assert heir.terminate() == 0
    assert_exactly_once_in_order(labels)


def test_a_zombie_that_wakes_up_writes_nothing(breakable_kafka: ApacheKafka, stream: Stream) -> None:
    stream.produce(records())
    with breakable_kafka.proxy() as proxy, stream.worker() as zombie:
        proxy.swallow(TXN_OFFSET_COMMIT)  # it falls asleep in the middle of a transaction
        eventually(lambda: proxy.swallowed, 90, "a transaction is open")
        zombie.process.send_signal(signal.SIGSTOP)
        with stream.worker() as heir:
            eventually(some_labels(stream, COUNT // 2), 90, "its partitions are taken over")
            zombie.process.send_signal(signal.SIGCONT)
            labels = stream.labels(COUNT)
            assert heir.terminate() == 0
        assert zombie.terminate() == 0
    assert_exactly_once_in_order(labels)
    assert len(stream.labels(COUNT)) == COUNT


def test_workers_that_come_and_go_repeat_nothing(breakable_kafka: ApacheKafka, stream: Stream) -> None:
    stream.produce(records())
    with breakable_kafka.proxy(), stream.worker(window_max_records=20) as first:
        eventually(some_labels(stream), 90, "the first labels are out")
        with stream.worker(window_max_records=20) as second:
            second.wait_until_ready()
            assert second.terminate() == 0
        labels = stream.labels(COUNT)
        assert first.terminate() == 0
    assert_exactly_once_in_order(labels)


def test_records_that_their_coordinator_knows_nothing_of_never_become_visible(breakable_kafka: ApacheKafka) -> None:
    """As after a broker that skipped the markers of a transaction and then called it complete."""
    topic = create_topic(breakable_kafka.bootstrap_servers)
    breakable_kafka.set_broker_config("transaction.partition.verification.enable", "false")  # it would refuse them
    broker = KafkaClients(load_settings(bootstrap_servers=breakable_kafka.bootstrap_servers))
    with closing(broker.producer(1_000_000, topic)) as forgotten:
        forgotten.init_transactions()
        forgotten.begin_transaction()
        forgotten._transaction_manager._partitions_in_transaction.add(TopicPartition(topic, 0))
        forgotten.send(topic, b"forgotten").get(10)
    with closing(broker.producer(1_000_000, topic)) as heir:
        heir.init_transactions()
        heir.end_what_is_open([TopicPartition(topic, 0)], ConsumerGroupMetadata("any-group"), commit=False)
        heir.begin_transaction()
        heir.send(topic, b"known")
        heir.commit_transaction()
    assert [record.value for record in read_topic(breakable_kafka.bootstrap_servers, topic)] == [b"known"]


def test_a_new_partition_is_read_also_where_a_rejoin_takes_longer_than_a_poll(
    breakable_kafka: ApacheKafka, stream: Stream
) -> None:
    with breakable_kafka.proxy() as proxy, stream.worker(metadata_max_age_ms=1000) as worker:
        worker.wait_until_ready()
        proxy.latency_s = 0.3
        for topic in (stream.output, stream.dead_letters, stream.input):
            add_partitions(stream.servers, topic, 3)
        stream.produce([message("new", "in the new partition", partition=2)])
        assert identities(stream.labels(1)) == ["new"]
        assert worker.terminate() == 0


def test_what_a_group_agrees_on_between_two_polls_is_taken(breakable_kafka: ApacheKafka, stream: Stream) -> None:
    settings = load_settings(bootstrap_servers=stream.settings["bootstrap_servers"], group_id=stream.group)
    with breakable_kafka.proxy() as proxy, closing(KafkaClients(settings).consumer()) as consumer:
        consumer.subscribe([stream.input])
        proxy.latency_s = 0.1
        while consumer.group_metadata().state != MemberState.STABLE:
            consumer.poll(timeout_ms=1)
            eventually(lambda: is_over(consumer._coordinator._join_task), 30, "it has joined, or failed to")
        assert consumer.group_metadata().generation_id == 1


def is_over(attempt: Future | None) -> bool:
    return attempt is None or attempt.is_done
