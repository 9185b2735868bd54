"""A challenger while things break: brokers that are away, answers that never come, offsets and topics that are gone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.challenger import challenger, content, wait_until_compared
from tests.harness.eventually import eventually
from tests.harness.independent import create_topic, forget_group, make_topic_anew, read_topic
from tests.harness.proxy import END_TXN
from tests.harness.tiny_model import LABELS, write_tiny_model
from tests.integration.conftest import Stream, message, starts

COUNT = 3_000


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights under other names: it disagrees on every text."""
    names = {number: name.upper() for number, name in enumerate(LABELS)}
    return write_tiny_model(tmp_path_factory.mktemp("other") / "other", id2label=names)


def labelled(stream: Stream, first: int, count: int) -> None:
    stream.produce([message(f"m{n}", f"text number {n}", partition=n % 2) for n in range(first, first + count)])
    with stream.worker(bootstrap_servers=stream.servers) as worker:
        stream.wait_until_read()
        assert worker.terminate() == 0


def assert_each_once_in_order(stream: Stream, topic: str, count: int) -> None:
    found = [content(record) for record in read_topic(stream.servers, topic, at_least=count)]
    assert len(found) == count
    for partition in (0, 1):
        ids = [each["id"] for each in found if each["source"]["partition"] == partition]
        assert ids == [f"m{n}" for n in range(partition, count, 2)]


def test_what_the_network_swallows_or_cuts_costs_nothing(
    breakable_kafka: ApacheKafka, tiny_model: Path, other_model: Path, tmp_path: Path
) -> None:
    stream = Stream(breakable_kafka.bootstrap_servers, tmp_path, tiny_model)
    topic = create_topic(stream.servers, prefix="disagreements", partitions=2)
    stream.settings = {"challenger_topic": topic, "bootstrap_servers": breakable_kafka.proxied_bootstrap_servers}
    labelled(stream, 0, COUNT)
    with breakable_kafka.proxy() as proxy, challenger(stream.worker(), tmp_path, other_model) as running:
        eventually(lambda: len(read_topic(stream.servers, topic)) > 0, 90, "the first disagreements are out")
        proxy.swallow(END_TXN)
        labelled(stream, COUNT, COUNT)  # a challenger that was through with the others still has something to end
        running.wait_for("window_not_delivered")
        assert proxy.swallowed == [END_TXN]
        proxy.cut_connections()
        proxy.cut()
        labelled(stream, 2 * COUNT, 10)
        running.wait_for("broker_away")
        proxy.resume()
        wait_until_compared(stream.servers, f"{stream.group}-challenger", stream.output)
        assert running.terminate() == 0
    assert_each_once_in_order(stream, topic, 2 * COUNT + 10)


def test_a_group_whose_offsets_are_gone_goes_on_behind_the_last_disagreement_of_its_model(
    make_stream: Callable[..., Stream], other_model: Path, tiny_model: Path, tmp_path: Path
) -> None:
    stream = make_stream()
    topic = create_topic(stream.servers, prefix="disagreements", partitions=2)
    stream.settings = {"challenger_topic": topic}
    labelled(stream, 0, 40)
    group = f"{stream.group}-challenger"
    with challenger(stream.worker(), tmp_path, other_model) as running:
        wait_until_compared(stream.servers, group, stream.output)
        assert running.terminate() == 0
    forget_group(stream.servers, group)
    labelled(stream, 40, 20)
    with challenger(stream.worker(), tmp_path, other_model) as running:
        assert {why for _, why in starts(running).values()} == {"answers"}
        wait_until_compared(stream.servers, group, stream.output)
        assert running.terminate() == 0
        assert running.summary()["compared"] == 20
    assert_each_once_in_order(stream, topic, 60)
    forget_group(stream.servers, group)
    with challenger(stream.worker(), tmp_path, tiny_model) as running:  # another model has told nothing yet
        assert set(starts(running).values()) == {(0, "earliest")}
        wait_until_compared(stream.servers, group, stream.output)
        assert running.terminate() == 0
        summary = running.summary()
    assert (summary["compared"], summary["agreement"]) == (60, 1)


def test_labels_of_a_topic_that_was_made_anew_have_no_text_any_more(
    make_stream: Callable[..., Stream], other_model: Path, tmp_path: Path
) -> None:
    stream = make_stream()
    topic = create_topic(stream.servers, prefix="disagreements", partitions=2)
    stream.settings = {"challenger_topic": topic}
    labelled(stream, 0, 40)
    make_topic_anew(stream.servers, stream.input, partitions=2)
    labelled(stream, 40, 30)  # they have places of old ones
    with challenger(stream.worker(), tmp_path, other_model) as running:
        wait_until_compared(stream.servers, f"{stream.group}-challenger", stream.output)
        assert running.terminate() == 0
        summary = running.summary()
    assert (summary["compared"], summary["unmatched"]) == (30, {"text_gone": 40})
    found = {content(record)["id"] for record in read_topic(stream.servers, topic, at_least=30)}
    assert found == {f"m{n}" for n in range(40, 70)}
