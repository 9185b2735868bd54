"""Transactions that dead workers left open, and that brokers take for ended."""

import logging
from contextlib import closing

import pytest
from confluent_kafka import Producer
from kafka import TopicPartition

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.independent import create_topic, read_topic
from worker.flow import Partition
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients, transactional_id
from worker.kafka.committed_outputs import find_visible
from worker.kafka.hanging_transactions import end_hanging_transactions
from worker.settings import Settings


@pytest.fixture
def settings(breakable_kafka: ApacheKafka) -> Settings:
    servers = breakable_kafka.bootstrap_servers
    output = create_topic(servers, partitions=2)
    return Settings(
        bootstrap_servers=servers,
        group_id=f"group-of-{output}",
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
