"""What the client as it is does wrong: a test that fails here says that a patch of worker/kafka/patches can go."""

import contextlib
import os
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import confluent_kafka
import pytest
from kafka import ConsumerGroupMetadata, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    CoordinatorNotAvailableError,
    CorruptRecordError,
    KafkaConfigurationError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.sasl.msk import SaslMechanismAwsMskIam
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport
from kafka.record import util
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.structs import MemberState

from tests.harness.apache_kafka import ApacheKafka, KafkaUnderTest
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, create_topic, produce
from tests.harness.proxy import TcpProxy
from tests.worker.kafka.patches.test_fetching import pause_and_resume
from worker.kafka.patches.apply import CHECKED_WITH, PATCHES

PATIENCE_SECONDS = 5  # several times what the call would take, or was told to take at most


@pytest.fixture(autouse=True)
def unpatched(monkeypatch: pytest.MonkeyPatch) -> None:
    for patch in PATCHES:
        monkeypatch.setattr(patch.owner, patch.name, patch.original)


@pytest.fixture
def proxied(breakable_kafka: ApacheKafka) -> Iterator[tuple[str, TcpProxy]]:
    with breakable_kafka.proxy() as proxy:
        yield breakable_kafka.proxied_bootstrap_servers, proxy


@pytest.fixture
def silent_server() -> Iterator[tuple[str, socket.socket]]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}", listener


class Attempt:
    """A call in a thread of its own, which may never end."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_over(self, timeout_s: float = PATIENCE_SECONDS) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as error:
            self.error = error


@pytest.mark.parametrize(
    ("set_variables", "error"),
    [
        ({}, AttributeError),  # there are no credentials
        ({"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-3"}, KafkaConfigurationError),
    ],
)
def test_aws_credentials_that_are_missing_are_not_told_and_the_region_is_not_found(
    set_variables: dict[str, str], error: type[Exception], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    nothing = {name: str(tmp_path / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    for name, value in (nothing | {"AWS_EC2_METADATA_DISABLED": "true"} | set_variables).items():
        monkeypatch.setenv(name, value)
    host = "b-1.demo.a1b2c3.c2.kafka.eu-west-3.amazonaws.com"
    with pytest.raises(error):
        SaslMechanismAwsMskIam(security_protocol="SASL_SSL", host=host).auth_bytes()


def test_checksums_are_computed_in_python() -> None:
    assert util.crc32c_c is None
    assert util.calc_crc32c.__module__ == "kafka.record.util"


def test_a_header_key_that_is_no_utf8_makes_its_batch_unreadable() -> None:
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 20)
    builder.append(0, 1, None, b"v", [("AB", b"1")])
    written = bytes(builder.build()).replace(b"\x04AB", b"\x04\xff\xfe")
    with pytest.raises(CorruptRecordError, match="UnicodeDecodeError"):
        list(DefaultRecordBatch(written))


class Protocol:
    """Stands in for the connection above a transport."""

    _sensors = None

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.lost: list[object] = []

    def connection_made(self, _: object) -> None:
        """Nothing to do."""

    def data_received(self, data: bytes) -> None:
        self.received.append(data)

    def connection_lost(self, error: object) -> None:
        self.lost.append(error)


@pytest.mark.parametrize("transport_class", [KafkaTCPTransport, KafkaSSLTransport])
def test_what_came_with_the_end_of_a_connection_is_thrown_away(transport_class: Any) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.sendall(b"last words")
    theirs.close()
    net, protocol = NetworkSelector(), Protocol()
    transport = transport_class.__new__(transport_class)  # past its handshake
    KafkaTCPTransport.__init__(transport, net, ours)
    transport._protocol, transport._read = protocol, True
    net.run(transport._read_from_sock)
    ours.close()
    assert protocol.lost
    assert protocol.received == []


def test_a_server_that_has_just_failed_is_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[list[Any]] = []

    def choose(servers: list[Any]) -> Any:
        offered.append([each.node_id for each in servers])
        return servers[0]

    monkeypatch.setattr("kafka.net.manager.random", SimpleNamespace(choice=choose, uniform=random.uniform))
    with pytest.raises(KafkaTimeoutError):
        KafkaAdminClient(bootstrap_servers=["127.0.0.1:1", "127.0.0.1:2"], bootstrap_timeout_ms=1000)
    first, second, *_ = offered
    assert first[0] in second  # although it failed a moment ago


def test_a_silent_server_is_given_all_of_the_bootstrap_time(
    apache_kafka: KafkaUnderTest, silent_server: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_silents_turn = iter([True])

    def choose(servers: list[Any]) -> Any:
        wanted = next(is_silents_turn, False)
        return next(each for each in servers if (f"{each.host}:{each.port}" == silent_server[0]) is wanted)

    monkeypatch.setattr("kafka.net.manager.random", SimpleNamespace(choice=choose, uniform=random.uniform))
    with pytest.raises(KafkaTimeoutError):
        KafkaAdminClient(
            bootstrap_servers=[silent_server[0], apache_kafka.bootstrap_servers], bootstrap_timeout_ms=2000
        )


def test_a_handshake_that_is_never_answered_is_waited_for_without_end(silent_server: tuple[str, socket.socket]) -> None:
    address, listener = silent_server
    attempt = Attempt(
        lambda: KafkaAdminClient(bootstrap_servers=address, security_protocol="SSL", bootstrap_timeout_ms=500)
    )
    connection, _ = listener.accept()
    assert not attempt.is_over()
    connection.close()
    listener.close()
    assert attempt.is_over()


def test_a_client_does_not_say_why_it_is_refused(apache_kafka: KafkaUnderTest) -> None:
    with pytest.raises(KafkaTimeoutError) as error:
        KafkaAdminClient(
            bootstrap_servers=apache_kafka.bootstrap_servers,
            bootstrap_timeout_ms=2000,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_plain_username="user",
            sasl_plain_password="password",  # noqa: S106
        )
    assert "sasl" not in str(error.value).lower()


def test_the_rights_on_a_group_that_nobody_has_joined_are_not_told(apache_kafka: KafkaUnderTest) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=apache_kafka.bootstrap_servers)) as admin:
        group = eventually(lambda: describe(admin, "nobody-has-joined-this"), 60, "the coordinator answers")
    assert group["authorized_operations"] is None


def describe(admin: KafkaAdminClient, group: str) -> Any:
    with contextlib.suppress(CoordinatorNotAvailableError):  # a new cluster makes it when it is first asked for
        return admin.describe_groups([group])[group]
    return None


def test_a_late_answer_is_taken_for_that_of_the_next_call(proxied: tuple[str, TcpProxy]) -> None:
    servers, proxy = proxied
    topic = create_topic(servers)
    partition = TopicPartition(topic, 0)
    other = confluent_kafka.Consumer({"bootstrap.servers": servers, "group.id": topic})

    def commit(offset: int) -> None:
        other.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, offset)], asynchronous=False)

    with closing(KafkaConsumer(bootstrap_servers=servers, group_id=topic, enable_auto_commit=False)) as consumer:
        commit(1)
        assert consumer.committed(partition, timeout_ms=5000) == 1
        proxy.stall()
        with pytest.raises(KafkaTimeoutError):
            consumer.committed(partition, timeout_ms=500)
        asked = list(consumer._coordinator._offset_fetch_futures.values())
        proxy.resume()
        eventually(lambda: asked and all(future.is_done for future in asked), 30, "the late answer is there")
        commit(100)
        assert consumer.committed(partition, timeout_ms=5000) == 1


@pytest.mark.parametrize(
    "wait",
    [
        lambda producer, _: producer.commit_transaction(),
        lambda producer, group: producer.send_offsets_to_transaction({}, ConsumerGroupMetadata(group)),
    ],
    ids=["its end", "its offsets"],
)
def test_what_a_transaction_asks_its_coordinator_is_waited_for_without_end(
    wait: Callable[[KafkaProducer, str], object], proxied: tuple[str, TcpProxy]
) -> None:
    servers, proxy = proxied
    topic = create_topic(servers)
    producer = KafkaProducer(bootstrap_servers=servers, transactional_id=topic, transaction_timeout_ms=1000)
    with closing(producer):
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topic, b"v").get(30)
        proxy.stall()
        attempt = Attempt(lambda: wait(producer, topic))
        assert not attempt.is_over()
        proxy.resume()
        assert attempt.is_over(60)


def test_a_request_whose_coordinator_is_away_for_a_moment_is_dropped(
    apache_kafka: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    producer = KafkaProducer(bootstrap_servers=servers, transactional_id=topic, retry_backoff_ms=20)
    producer.init_transactions()
    producer.begin_transaction()
    producer.send(topic, b"v").get(30)
    client = producer._sender._client
    away = iter([KafkaConnectionError("away for a moment")])
    await_ready = client.await_ready

    def away_at_first(*arguments: Any, **options: Any) -> Any:
        if error := next(away, None):
            raise error
        return await_ready(*arguments, **options)

    monkeypatch.setattr(client, "await_ready", away_at_first)
    assert not Attempt(producer.commit_transaction).is_over()
    producer._sender.force_close()


def test_a_node_that_is_away_is_an_exception() -> None:
    with closing(KafkaNetClient(bootstrap_servers=["127.0.0.1:1"])) as client, pytest.raises(KafkaError):
        client.await_ready("bootstrap-0", timeout_ms=1000)


def test_a_flush_says_nothing_of_what_failed(apache_kafka: KafkaUnderTest) -> None:
    topic = create_topic(apache_kafka.bootstrap_servers, config={"max.message.bytes": "500"})
    with closing(KafkaProducer(bootstrap_servers=apache_kafka.bootstrap_servers)) as producer:
        future = producer.send(topic, b"v" * 1000)
        producer.flush(30)
        assert future.failed()


def test_a_batch_that_its_topic_does_not_take_is_sent_in_parts(apache_kafka: KafkaUnderTest) -> None:
    topic = create_topic(apache_kafka.bootstrap_servers, config={"max.message.bytes": "1500"})
    with closing(KafkaProducer(bootstrap_servers=apache_kafka.bootstrap_servers, linger_ms=200)) as producer:
        futures = [producer.send(topic, b"v" * 1000, partition=0) for _ in range(4)]
        assert [future.get(30).offset for future in futures] == [0, 1, 2, 3]


def test_the_end_of_a_log_is_told_as_of_the_last_fetch(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    produce(servers, topic, [NewRecord(b"v")] * 100)
    partition = TopicPartition(topic, 0)
    with closing(KafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest")) as consumer:
        consumer.assign([partition])
        eventually(lambda: consumer.poll(timeout_ms=500, max_records=1), 30, "a record")
        produce(servers, topic, [NewRecord(b"v")] * 100)
        assert sum(len(consumer.poll(timeout_ms=500, max_records=1)) for _ in range(5)) == 5
        assert (consumer.highwater(partition), consumer.end_offsets([partition])[partition]) == (100, 200)


def test_an_answer_that_comes_between_two_looks_is_slept_over(
    apache_kafka: KafkaUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    with closing(KafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest")) as consumer:
        fetcher = consumer._fetcher
        fetcher.config["fetch_max_wait_ms"] = 60_000
        eventually(lambda: (consumer.poll(timeout_ms=100), fetcher.in_flight_fetches())[1], 60, "a fetch on its way")
        look = fetcher.fetched_records
        looks: list[Any] = []

        def look_and_be_late(*arguments: Any, **options: Any) -> Any:
            found = look(*arguments, **options)
            if not looks:
                produce(servers, topic, [NewRecord(b"v")])
                eventually(lambda: fetcher._completed_fetches, 30, "the record is here, but nobody looks")
            looks.append(found)
            return found

        monkeypatch.setattr(fetcher, "fetched_records", look_and_be_late)
        assert fetcher.fetch_records(timeout_ms=60_000) == ({}, True)


def test_what_a_group_agrees_on_between_two_polls_is_thrown_away(proxied: tuple[str, TcpProxy]) -> None:
    servers, proxy = proxied
    topic = create_topic(servers)
    with closing(KafkaConsumer(topic, bootstrap_servers=servers, group_id=topic)) as consumer:

        def generation() -> int:
            consumer.poll(timeout_ms=1)
            attempt = consumer._coordinator._join_task
            eventually(lambda: attempt is None or attempt.is_done, 30, "it has joined, or failed to")
            group = consumer.group_metadata()
            assert group.state is not MemberState.STABLE
            return int(group.generation_id)

        proxy.latency_s = 0.1
        eventually(lambda: generation() >= 4, 60, "it has joined again and again", interval_s=0)
        proxy.latency_s = 0


def test_a_coordinator_that_falls_silent_during_a_join_is_waited_for_long(proxied: tuple[str, TcpProxy]) -> None:
    servers, proxy = proxied
    topic = create_topic(servers)
    busy = confluent_kafka.Consumer({"bootstrap.servers": servers, "group.id": topic, "session.timeout.ms": 45_000})
    busy.subscribe([topic])
    eventually(lambda: busy.poll(0.1) or busy.assignment(), 60, "a member that joins again only when it polls")
    consumer = KafkaConsumer(
        topic, bootstrap_servers=servers, group_id=topic, session_timeout_ms=2000, heartbeat_interval_ms=500
    )
    with closing(consumer):
        coordinator = consumer._coordinator
        eventually(
            lambda: consumer.poll(timeout_ms=100) or coordinator.state is MemberState.REBALANCING, 30, "it joins"
        )
        attempt = coordinator._join_task
        proxy.stall()
        assert not Attempt(lambda: eventually(lambda: attempt.is_done, 30, "it gives up")).is_over()
        proxy.resume()
        busy.close()


def test_the_patches_were_checked_with_the_client_that_is_pinned() -> None:
    root = Path(__file__).parents[4]
    assert f'"kafka-python[lz4,snappy,zstd]=={CHECKED_WITH}"' in (root / "pyproject.toml").read_text()
    assert f"kafka-python=={CHECKED_WITH}\n" in (root / "constraints.txt").read_text()


def test_a_partition_that_was_paused_does_not_go_on_once_it_is_resumed(apache_kafka: KafkaUnderTest) -> None:
    assert pause_and_resume(apache_kafka.bootstrap_servers) == 1  # the one before the pause
