"""Lag as a scrape shows it, held against what Kafka's own tool says of the group at that moment."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from confluent_kafka import Producer

from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.jars import JarsUnavailableError, kafka_tools
from tests.harness.kafka_tools import group_lag
from tests.integration.conftest import Stream, message

PARTITIONS = 4
RECORDS = 12_000
AGE_SECONDS = 7_200  # of the records when they are written


@pytest.fixture(autouse=True)
def _tools() -> None:
    try:
        kafka_tools()
    except JarsUnavailableError as error:
        pytest.skip(f"no Apache Kafka: {error}")


def shown(endpoint: Endpoint, stream: Stream, name: str) -> dict[int, float]:
    """A figure of each partition, once there is one of all."""

    def ask() -> dict[int, float]:
        found = {}
        for (metric, labels), value in endpoint.scrape().items():
            if metric == name and dict(labels)["topic"] == stream.input:
                found[int(dict(labels)["partition"])] = value
        return found if len(found) == PARTITIONS else {}

    return eventually(ask, 90, f"{name} of each partition")


def shown_anew(endpoint: Endpoint, stream: Stream) -> dict[int, float]:
    """The lag in records as it is some seconds from now: brokers are asked every 3 s, and it is shown once a second."""
    deadline = time.monotonic() + 6
    eventually(lambda: time.monotonic() > deadline, 60, "it was asked for and shown")
    return shown(endpoint, stream, "emotion_lag_records")


@contextmanager
def open_transaction(stream: Stream, partition: int, records: int) -> Iterator[None]:
    """Another program writes to the input, and has not come to an end."""
    producer = Producer({"bootstrap.servers": stream.servers, "transactional.id": f"other-{stream.group}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for index in range(records):
        producer.produce(stream.input, f'{{"text": "open {index}"}}', partition=partition)
    producer.flush(30)
    yield
    producer.abort_transaction(30)


@pytest.mark.timeout(600)
def test_lag_is_what_kafka_says_of_each_partition_also_of_those_that_were_not_read_lately(
    make_stream: Callable[..., Stream], endpoint: Endpoint
) -> None:
    stream = make_stream(partitions=PARTITIONS, settings={"window_max_records": 5})
    old_ms = int((time.time() - AGE_SECONDS) * 1000)
    texts = [message(f"m{index}", f"text {index}", partition=index % PARTITIONS) for index in range(RECORDS)]
    texts = [replace(text, timestamp_ms=old_ms) for text in texts]
    stream.produce(texts[: RECORDS // 2])
    with stream.worker(http_port=endpoint.port):
        shown(endpoint, stream, "emotion_lag_records")
        stream.produce(texts[RECORDS // 2 :])  # the last fetch knows nothing of them
        before = shown_anew(endpoint, stream)
        for _ in range(2):
            ages = shown(endpoint, stream, "emotion_lag_seconds")
            told = group_lag(stream.servers, stream.group, stream.input)
            after = shown_anew(endpoint, stream)
            # Nobody writes meanwhile: what was left before the tool looked is no less, and what is left after no more.
            for partition in range(PARTITIONS):
                lag = told.get(partition, RECORDS // PARTITIONS)  # nothing of it is committed yet
                assert before[partition] >= lag >= after[partition], (before, told, after)
                assert not before[partition] or AGE_SECONDS <= ages[partition] < AGE_SECONDS + 300
            assert sum(before.values()) > sum(told.values()) > sum(after.values()) > 0
            before = after


def test_texts_of_an_open_transaction_are_lag_and_the_worker_is_ready(
    make_stream: Callable[..., Stream], endpoint: Endpoint
) -> None:
    stream = make_stream(partitions=PARTITIONS)
    stream.produce([message(f"m{index}", f"text {index}", partition=index % PARTITIONS) for index in range(100)])
    with stream.worker(http_port=endpoint.port):
        stream.labels(100)
        eventually(lambda: sum(shown(endpoint, stream, "emotion_lag_records").values()) == 0, 60, "no lag")
        with open_transaction(stream, partition=1, records=10):
            eventually(lambda: shown(endpoint, stream, "emotion_lag_records")[1] == 10, 60, "they are lag")
            assert group_lag(stream.servers, stream.group, stream.input) == {0: 0, 1: 10, 2: 0, 3: 0}
            waited = shown(endpoint, stream, "emotion_lag_seconds")
            assert 0 < waited[1] < 60
            assert waited[0] == waited[2] == waited[3] == 0
            assert endpoint.is_ready()
        eventually(lambda: sum(shown(endpoint, stream, "emotion_lag_records").values()) == 0, 60, "no lag again")
        assert set(shown(endpoint, stream, "emotion_lag_seconds").values()) == {0}
