"""What the other tests take for granted about the harness."""

import socket
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.harness import jars
from tests.harness.apache_kafka import ApacheKafka, KafkaUnderTest
from tests.harness.eventually import eventually
from tests.harness.independent import (
    NewRecord,
    RunningReader,
    create_topic,
    delete_records,
    end_offsets,
    produce,
    read_topic,
)
from tests.harness.odd_records import produce_raw_header_key


def test_a_condition_that_never_holds_fails_and_says_what_was_waited_for() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.01 s: the moon is green; last answer: 0"):
        eventually(lambda: 0, 0.01, "the moon is green", interval_s=0.001)


def test_a_download_that_fails_leaves_no_cache_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "mvn").write_text("#!/bin/sh\nmkdir -p half; echo no network; exit 1\n")
    (broken / "mvn").chmod(0o755)
    (broken / "java").write_text("#!/bin/sh\necho 'openjdk version \"21.0.1\"' >&2\n")
    (broken / "java").chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(jars.JarsUnavailableError, match="no network"):
        jars.kafka_jars()
    assert list((tmp_path / "cache" / "emotion-labeller").iterdir()) == []


def test_a_java_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "java").write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    (tmp_path / "java").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(jars.JarsUnavailableError, match=r"needs Java 17, found: .*11\.0\.2"):
        jars.kafka_jars()


def test_records_come_back_as_they_were_written(apache_kafka: KafkaUnderTest) -> None:
    topic = create_topic(apache_kafka.bootstrap_servers, partitions=2)
    written = [
        NewRecord(b"one", b"k", (("h", b"v"), ("none", None)), partition=1, timestamp_ms=1_700_000_000_000),
        NewRecord(None, None, partition=1, timestamp_ms=1_700_000_000_001),
    ]
    assert produce(apache_kafka.bootstrap_servers, topic, written, compression="zstd") == [(1, 0), (1, 1)]
    read = read_topic(apache_kafka.bootstrap_servers, topic, at_least=2)
    assert [(r.partition, r.key, r.value, r.headers, r.timestamp_ms) for r in read] == [
        (1, b"k", b"one", (("h", b"v"), ("none", None)), 1_700_000_000_000),
        (1, None, None, (), 1_700_000_000_001),
    ]


def test_an_open_transaction_hides_nothing_before_it_and_everything_after_it(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    produce(servers, topic, [NewRecord(b"before")])
    producer = Producer({"bootstrap.servers": servers, "transactional.id": topic})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(topic, b"open")
    producer.flush()
    produce(servers, topic, [NewRecord(b"after")])
    assert [r.value for r in read_topic(servers, topic)] == [b"before"]
    uncommitted = read_topic(servers, topic, isolation="read_uncommitted")
    assert [r.value for r in uncommitted] == [b"before", b"open", b"after"]
    producer.abort_transaction()
    assert [r.value for r in read_topic(servers, topic, at_least=2)] == [b"before", b"after"]


def test_a_header_key_that_is_no_utf8_reaches_the_broker_between_its_neighbours(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    neighbours = [NewRecord(b"neighbour")]
    offset = produce_raw_header_key(servers, topic, b"\xff\xfe", before=neighbours, after=neighbours)
    assert offset == 1
    assert end_offsets(servers, topic) == {0: 3}


def test_retention_takes_what_it_is_told_to(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    produce(servers, topic, [NewRecord(b"a"), NewRecord(b"b")])
    delete_records(servers, topic, {0: 1})
    assert [r.value for r in read_topic(servers, topic)] == [b"b"]


def test_a_broker_that_is_killed_comes_back_with_its_records(breakable_kafka: ApacheKafka) -> None:
    topic = create_topic(breakable_kafka.bootstrap_servers)
    produce(breakable_kafka.bootstrap_servers, topic, [NewRecord(b"kept")])
    breakable_kafka.kill()
    breakable_kafka.restart()
    assert [r.value for r in read_topic(breakable_kafka.bootstrap_servers, topic, at_least=1)] == [b"kept"]


def test_a_reader_reads_on_through_a_pause_and_a_cut(breakable_kafka: ApacheKafka) -> None:
    servers = breakable_kafka.bootstrap_servers
    topic = create_topic(servers)
    with breakable_kafka.proxy() as proxy, RunningReader(breakable_kafka.proxied_bootstrap_servers, topic) as reader:
        produce(servers, topic, [NewRecord(b"1")])
        eventually(lambda: len(reader.records) == 1, 10, "the first record")
        proxy.cut()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", breakable_kafka.nodes[0].proxy_port), timeout=5)
        produce(servers, topic, [NewRecord(b"2")])
        assert len(reader.records) == 1
        proxy.resume()
        eventually(lambda: len(reader.records) == 2, 20, "the record written while the network was cut")
        breakable_kafka.pause()
        breakable_kafka.resume()
        produce(servers, topic, [NewRecord(b"3")])
        eventually(lambda: len(reader.records) == 3, 20, "the record written after the pause")


def test_an_answer_that_is_swallowed_was_still_acted_upon(breakable_kafka: ApacheKafka) -> None:
    create_topics = 19
    with breakable_kafka.proxy() as proxy:
        proxy.swallow(create_topics)
        admin = AdminClient({"bootstrap.servers": breakable_kafka.proxied_bootstrap_servers})
        admin.create_topics([NewTopic("swallowed", 1)])
        eventually(lambda: proxy.swallowed == [create_topics], 20, "the answer is swallowed")
        direct = Producer({"bootstrap.servers": breakable_kafka.bootstrap_servers})
        eventually(lambda: "swallowed" in direct.list_topics(timeout=10).topics, 20, "the topic is there")
