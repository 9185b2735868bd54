"""What `check` says of the group, whichever protocol its members speak."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer

from tests.harness.eventually import eventually
from tests.integration.conftest import Stream
from worker.kafka.clients import KafkaClients
from worker.settings import load_settings


def members(stream: Stream) -> int | None:
    with KafkaClients(load_settings(bootstrap_servers=stream.servers)).admin() as admin:
        return admin.group(stream.group).members


@contextmanager
def member_of_the_new_protocol(stream: Stream) -> Iterator[Consumer]:
    """Another program in the worker's group, by librdkafka."""
    told = {"bootstrap.servers": stream.servers, "group.id": stream.group, "group.protocol": "consumer"}
    consumer = Consumer(told)
    consumer.subscribe([stream.input])
    try:
        eventually(lambda: consumer.poll(0.1) or consumer.assignment(), 60, "it has partitions")
        yield consumer
    finally:
        consumer.close()


def test_members_of_the_new_protocol_are_members(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    assert members(stream) == 0
    with member_of_the_new_protocol(stream):
        assert members(stream) is None
    assert members(stream) == 0


@pytest.mark.parametrize("first", ["worker", "other"])
def test_a_worker_and_a_member_of_the_new_protocol_share_a_group(
    first: str, make_stream: Callable[..., Stream]
) -> None:
    """So it is no failure, but nobody meant it: texts of some partitions are not labelled."""
    stream = make_stream()
    if first == "worker":
        with stream.worker() as worker:
            worker.wait_until_ready()
            assert members(stream) == 1
            with member_of_the_new_protocol(stream):
                assert_told(stream)
            assert worker.terminate() == 0
    else:
        with member_of_the_new_protocol(stream), stream.worker() as worker:
            worker.wait_until_ready()
            assert_told(stream)
            assert worker.terminate() == 0


def assert_told(stream: Stream) -> None:
    code, report = stream.worker().check()
    assert code == 0
    assert "hint     group" in report
    assert "EMOTION_GROUP_ID" in report


def test_check_says_where_more_processes_than_partitions_are_planned_or_there(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream(partitions=2)
    worker = stream.worker(processes=1)
    assert "have no work" not in worker.check("--workers", "2")[1]
    code, report = worker.check("--workers", "3")
    planned = (
        "3 × 1 processes (--workers, EMOTION_PROCESSES) would be 3 members for 2 partitions of the input: 1 have no"
    )
    assert code == 0
    assert f"hint     group     {planned} work: have fewer" in report
    with stream.worker(processes=3):
        eventually(lambda: members(stream) == 3, 90, "all are members")
        assert f"{stream.group} has 3 members for 2 partitions of the input: 1 have no work" in worker.check()[1]
    assert worker.check("--workers", "0")[0] == 2
