"""One of several brokers is away, and stays away, as the worker's clients see it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from tests.harness.apache_kafka import ApacheKafka, KafkaUnderTest
from tests.harness.eventually import eventually
from tests.integration.conftest import Stream, make_producers_beside_a_silent_server, message


@pytest.fixture
def cluster(apache_kafka_jars: Path, tmp_path: Path) -> Iterator[ApacheKafka]:
    """Three brokers. In front of each is something that takes connections whether or not its broker is there."""
    with ExitStack() as exits:
        cluster = exits.enter_context(ApacheKafka(apache_kafka_jars, tmp_path / "kafka", brokers=3))
        for node in cluster.nodes:
            exits.enter_context(cluster.proxy(node.node_id))
        yield cluster


@pytest.mark.parametrize("lose", [ApacheKafka.kill, ApacheKafka.pause])
def test_a_coordinator_that_is_lost_while_a_worker_joins_is_looked_for_anew(
    lose: Callable[[ApacheKafka, int], None], cluster: ApacheKafka, tiny_model: Path, tmp_path: Path
) -> None:
    stream = Stream(cluster.bootstrap_servers, tmp_path, tiny_model)
    stream.settings["bootstrap_servers"] = cluster.proxied_bootstrap_servers
    with stream.worker(session_timeout_ms=12_000) as first:
        first.wait_until_ready()
        first.kill()
    with stream.worker() as second:
        coordinator = eventually(lambda: coordinator_of_joining(stream), 20, "the second worker waits for the first")
        lose(cluster, coordinator)
        stream.produce([message("0", "text", partition=0)])
        assert len(stream.labels(1)) == 1
        assert second.terminate() == 0


def test_a_server_that_takes_connections_and_says_nothing_is_passed_over(apache_kafka: KafkaUnderTest) -> None:
    make_producers_beside_a_silent_server(apache_kafka.bootstrap_servers)


def coordinator_of_joining(stream: Stream) -> int:
    """The broker, 0 if nobody is joining."""
    admin = AdminClient({"bootstrap.servers": stream.servers, "log_level": 0})  # held: its answers never come otherwise
    group = admin.describe_consumer_groups([stream.group])[stream.group].result(30)
    return int(group.coordinator.id) if group.state == ConsumerGroupState.PREPARING_REBALANCING else 0
