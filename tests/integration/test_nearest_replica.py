"""A worker that says in which rack it is reads from the replica there (KIP-392)."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.proxy import FETCH
from tests.integration.conftest import Stream, identities, message

SELECTOR = "org.apache.kafka.common.replica.RackAwareReplicaSelector"


@pytest.fixture
def cluster(apache_kafka_jars: Path, tmp_path: Path) -> Iterator[tuple[ApacheKafka, Counter[int]]]:
    """Three brokers, each in a rack of its own, and how often the worker asks each of them for records."""
    fetches: Counter[int] = Counter()
    with ExitStack() as exits:
        properties = {"replica.selector.class": SELECTOR}
        kafka = exits.enter_context(
            ApacheKafka(apache_kafka_jars, tmp_path / "kafka", brokers=3, properties=properties)
        )
        for node in kafka.nodes:
            count = partial(count_fetch, fetches, node.node_id)
            exits.enter_context(kafka.proxy(node.node_id)).on_request = count
        yield kafka, fetches


def count_fetch(fetches: Counter[int], node_id: int, api_key: int, _: bytes) -> None:
    fetches[node_id] += api_key == FETCH


def test_texts_are_read_from_the_replica_in_the_workers_rack_and_from_another_when_it_is_lost(
    cluster: tuple[ApacheKafka, Counter[int]], tiny_model: Path, tmp_path: Path
) -> None:
    kafka, fetches = cluster
    stream = Stream(kafka.bootstrap_servers, tmp_path, tiny_model, partitions=1)
    leader = leader_of(stream)
    nearest = next(node.node_id for node in kafka.nodes if node.node_id != leader)
    settings = {"bootstrap_servers": kafka.proxied_bootstrap_servers, "client_rack": f"rack-{nearest}"}
    with stream.worker(**settings) as worker:
        stream.produce([message(str(n), f"text {n}") for n in range(50)])
        stream.labels(50)
        before = fetches.copy()
        stream.produce([message(str(n), f"text {n}") for n in range(50, 100)])
        stream.labels(100)
        eventually(lambda: fetches[nearest] > before[nearest] + 20, 30, "the nearest is asked")
        # Now and then the leader is: a replica that is a moment behind refuses an offset that it does not have yet.
        assert fetches[leader] < before[leader] + 10
        kafka.kill(nearest)
        stream.produce([message(str(n), f"text {n}") for n in range(100, 150)])
        labels = stream.labels(150)
        assert worker.terminate() == 0
    assert identities(labels) == [str(n) for n in range(150)]


def leader_of(stream: Stream) -> int:
    admin = AdminClient({"bootstrap.servers": stream.servers})  # held: its answers never come once it is collected
    return admin.list_topics(stream.input, timeout=30).topics[stream.input].partitions[0].leader
