"""Transactions that dead workers left open, and that brokers take for ended."""

import logging
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Producer
from kafka import ConsumerGroupMetadata, TopicPartition
from kafka.errors import KafkaTimeoutError
from kafka.producer.transaction_manager import TransactionalRequestResult, TxnOffsetCommitHandler
from kafka.structs import OffsetAndMetadata

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.independent import create_topic, read_topic
from tests.integration.conftest import Stream, identities, message
from worker.errors import UserError
from worker.flow import Partition
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients, transactional_id
from worker.kafka.committed_outputs import find_visible
from worker.kafka.hanging_transactions import end_hanging_transactions
from worker.kafka.overtaken import overtaken
from worker.kafka.patches.offset_fetch import fetch_committed_offset
from worker.settings import Settings, load_settings


@pytest.fixture
def settings(breakable_kafka: ApacheKafka) -> Settings:
    servers = breakable_kafka.bootstrap_servers
    output = create_topic(servers, partitions=2)
    return Settings(
        bootstrap_servers=servers,
        group_id=f"group-of-{output}",
        input_topic=create_topic(servers),
        output_topic=output,
        dead_letter_topic=create_topic(servers, partitions=2),
    )


def abandon(kafka: ApacheKafka, settings: Settings, name: str, partition: int, *, commit: bool) -> None:
    """As of a worker that died after its broker had skipped the markers of a label and of a dead letter."""
    kafka.set_broker_config("transaction.partition.verification.enable", "false")  # it would refuse them
    targets = [TopicPartition(topic, partition) for topic in (settings.output_topic, settings.dead_letter_topic)]
    with closing(KafkaClients(settings).producer(DEFAULT_MAX_MESSAGE_BYTES, name)) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer._transaction_manager._partitions_in_transaction.update(targets)  # untrue
        for target in targets:
            producer.send(target.topic, b"an outcome", partition=partition)
        producer.flush(30)
        producer.send_offsets_to_transaction({}, settings.group_id)  # else the coordinator knows of nothing to end
        if commit:
            producer.commit_transaction()
        else:
            producer._await(producer._transaction_manager.begin_abort())


def abandon_offsets(kafka: ApacheKafka, settings: Settings, offset: int, *, commit: bool) -> None:
    """As of a worker that died after its broker had skipped the marker of the group's offsets, and no other."""
    kafka.set_broker_config("transaction.partition.verification.enable", "false")  # it would refuse them
    name = transactional_id(settings.group_id)
    with closing(KafkaClients(settings).producer(DEFAULT_MAX_MESSAGE_BYTES, name)) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(settings.output_topic, b'{"emotion": "joy"}', partition=1).get(30)
        manager, result = producer._transaction_manager, TransactionalRequestResult()
        group = ConsumerGroupMetadata(settings.group_id)
        manager._pending_txn_offset_commits = offsets = {
            TopicPartition(settings.input_topic, 0): OffsetAndMetadata(offset, "", -1)
        }
        manager._enqueue_request(TxnOffsetCommitHandler(manager, group, offsets, result))  # the coordinator is not told
        producer._await(result)
        producer.commit_transaction() if commit else producer._await(manager.begin_abort())


def group_offset(settings: Settings) -> int | None:
    """The group's offset as it is, -1 while a transaction keeps it."""
    with closing(KafkaClients(settings).consumer()) as consumer:
        try:
            found = fetch_committed_offset(consumer, TopicPartition(settings.input_topic, 0), 2000)
        except KafkaTimeoutError:
            return -1
    return found and found.offset


def visible(settings: Settings) -> int:
    servers = settings.bootstrap_servers or ""
    return len(read_topic(servers, settings.output_topic)) + len(read_topic(servers, settings.dead_letter_topic))


@pytest.mark.parametrize("commit", [True, False])
def test_they_end_as_their_coordinator_says(
    commit: bool, breakable_kafka: ApacheKafka, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "worker")
    abandon(breakable_kafka, settings, transactional_id(settings.group_id), 1, commit=commit)
    assert visible(settings) == 0

    def ended() -> bool:  # the coordinator takes a moment to write the end of the part that it knows of
        end_hanging_transactions(KafkaClients(settings), settings)
        return "abandoned_transaction_ended" in [record.message for record in caplog.records]

    eventually(ended, 30, "it is ended")
    eventually(lambda: visible(settings) == (2 if commit else 0), 30, "the markers are written")
    end_hanging_transactions(KafkaClients(settings), settings)
    (told,) = [record.__dict__ for record in caplog.records if record.name == "worker.kafka.hanging_transactions"]
    assert told["committed"] is commit
    assert sorted(told["partitions"]) == sorted([f"{settings.dead_letter_topic}-1", f"{settings.output_topic}-1"])


@pytest.mark.parametrize("commit", [True, False])
def test_one_that_is_open_in_the_offsets_of_the_group_alone(
    commit: bool, breakable_kafka: ApacheKafka, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "worker")
    abandon_offsets(breakable_kafka, settings, 7, commit=commit)
    assert group_offset(settings) == -1

    def ended() -> bool:
        end_hanging_transactions(KafkaClients(settings), settings, are_offsets_withheld=True)
        return "abandoned_transaction_ended" in [record.message for record in caplog.records]

    eventually(ended, 30, "it is ended")
    eventually(lambda: group_offset(settings) == (7 if commit else None), 30, "the marker is written")
    (told,) = [record.__dict__ for record in caplog.records if record.name == "worker.kafka.hanging_transactions"]
    assert told["committed"] is commit
    assert [name.rpartition("-")[0] for name in told["partitions"]] == ["__consumer_offsets"]


def test_a_look_at_the_group_says_that_its_offsets_are_kept_back(
    breakable_kafka: ApacheKafka, settings: Settings
) -> None:
    abandon_offsets(breakable_kafka, settings, 7, commit=True)
    with pytest.raises(UserError, match=r"a transaction is open there.*Hanging transactions"):
        overtaken(KafkaClients(settings), settings, [Partition(settings.input_topic, 0)])


def test_a_worker_goes_on_behind_it(breakable_kafka: ApacheKafka, tiny_model: Path, tmp_path: Path) -> None:
    stream = Stream(breakable_kafka.bootstrap_servers, tmp_path, tiny_model, settings={"delivery": "exactly_once"})
    stream.produce([message(f"m{index}", f"text number {index}", partition=0) for index in range(10)])
    settings = load_settings(
        bootstrap_servers=stream.servers,
        group_id=stream.group,
        input_topic=stream.input,
        output_topic=stream.output,
    )
    abandon_offsets(breakable_kafka, settings, 4, commit=True)
    with stream.worker() as worker:
        labels = [label for label in stream.labels(7) if label.partition == 0]
        assert worker.terminate() == 0
    assert identities(labels) == [f"m{index}" for index in range(4, 10)]
    assert "abandoned_transaction_ended" in worker.log
    assert f"{stream.input}, partition 0: its committed offset is withheld" in worker.log


def test_outcomes_that_stand_behind_one_are_seen_in_the_end(breakable_kafka: ApacheKafka, settings: Settings) -> None:
    abandon(breakable_kafka, settings, transactional_id(settings.group_id), 1, commit=True)
    broker, target = KafkaClients(settings), TopicPartition(settings.output_topic, 1)
    with closing(broker.producer(DEFAULT_MAX_MESSAGE_BYTES, transactional_id(settings.group_id))) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        offset = producer.send(target.topic, b"a label", partition=target.partition).get(30).offset
        producer.commit_transaction()
    written = (Partition(*target), offset)
    assert find_visible(broker, settings, [written]) is None
    assert eventually(lambda: find_visible(broker, settings, [written]), 30, "it is seen") == {written: True}


def test_what_belongs_to_others_or_may_still_end_by_itself_is_left_alone(
    breakable_kafka: ApacheKafka, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    abandon(breakable_kafka, settings, transactional_id(f"{settings.group_id}-of-others"), 0, commit=True)
    at_work = Producer(
        {"bootstrap.servers": settings.bootstrap_servers, "transactional.id": transactional_id(settings.group_id)}
    )
    at_work.init_transactions()
    at_work.begin_transaction()
    at_work.produce(settings.output_topic, b"a label", partition=1)
    at_work.flush()
    end_hanging_transactions(KafkaClients(settings), settings)
    assert visible(settings) == 0
    at_work.commit_transaction()  # it was not fenced off
    eventually(lambda: visible(settings) == 1, 30, "its label is there")
    assert [record.name for record in caplog.records if record.name.startswith("worker.")] == []


def test_a_cluster_that_cannot_be_asked_is_no_reason_to_end(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(bootstrap_servers="127.0.0.1:1")
    end_hanging_transactions(KafkaClients(settings), settings)
    assert "abandoned_transactions_left" in [record.message for record in caplog.records]
