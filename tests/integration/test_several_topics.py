"""One group reads several topics: each keeps its order, and what answers a text has its partition number."""

from collections.abc import Callable

import orjson

from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.independent import (
    NewRecord,
    StoredRecord,
    committed_offsets,
    create_topic,
    delete_topic,
    end_offsets,
    produce,
)
from tests.integration.conftest import Stream, message


def source_of(label: StoredRecord) -> tuple[str, int, int]:
    source = orjson.loads(label.value or b"")["source"]
    return source["topic"], source["partition"], source["offset"]


def wait_until_read(stream: Stream, topics: list[str]) -> None:
    def is_read(topic: str) -> bool:
        committed, ends = committed_offsets(stream.servers, stream.group, topic), end_offsets(stream.servers, topic)
        return all(committed.get(partition, 0) == end for partition, end in ends.items())

    eventually(lambda: all(map(is_read, topics)), 90, "the group has read everything", interval_s=0.2)


def test_each_topic_keeps_its_order_whoever_dies(make_stream: Callable[..., Stream], endpoint: Endpoint) -> None:
    stream = make_stream(partitions=3, settings={"delivery": "exactly_once", "window_max_records": 50})
    second = create_topic(stream.servers, prefix="second", partitions=2)
    both = f"{stream.input}, {second}"
    sent = {stream.input: 3, second: 2}
    for topic, partitions in sent.items():
        texts = [message(f"{topic}-{n}", f"i feel fine {n}", n % partitions) for n in range(600)]
        produce(stream.servers, topic, [*texts, NewRecord(b"broken", b"k", partition=1)])
    with stream.worker(input_topic=both) as first, stream.worker(input_topic=both, http_port=endpoint.port) as other:
        stream.labels(100)
        first.kill()
        wait_until_read(stream, list(sent))
        eventually(lambda: endpoint.value("emotion_lag_records", topic=second) == 0, 30, "the lag is shown as gone")
        assert other.terminate() == 0
    labels, letters = stream.labels(1200), stream.letters(2)
    for topic, partitions in sent.items():
        for number in range(partitions):
            offsets = [source_of(label)[2] for label in labels if source_of(label)[:2] == (topic, number)]
            assert offsets == list(range(600 // partitions))
    assert all(source_of(label)[1] == label.partition for label in labels)
    assert len(letters) == 2
    assert sorted(dict(letter.headers)["dead-letter-origin"] or b"" for letter in letters) == sorted(
        f"{topic}-1-{600 // partitions}".encode() for topic, partitions in sent.items()
    )


def test_a_group_without_offsets_goes_on_behind_the_answers_of_each_topic(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(partitions=1, settings={"delivery": "exactly_once"})
    second = create_topic(stream.servers, prefix="second", partitions=1)
    both = f"{stream.input},{second}"
    for topic, count in ((stream.input, 30), (second, 12)):
        produce(stream.servers, topic, [message(f"{topic}-{n}", f"text {n}", 0) for n in range(count)])
    with stream.worker(input_topic=both) as worker:
        wait_until_read(stream, [stream.input, second])
        assert worker.terminate() == 0
    stream.group += "-anew"
    with stream.worker(input_topic=both) as worker:
        wait_until_read(stream, [stream.input, second])
        assert worker.terminate() == 0
    assert len(stream.labels(42)) == 42


def test_what_is_missing_of_each_is_said_and_one_that_goes_ends_the_worker(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(partitions=2)
    larger = create_topic(stream.servers, prefix="larger", partitions=5)
    with stream.worker(input_topic=f"{stream.input},no-such-topic,{larger}") as worker:
        assert worker.wait_for_exit() == 2
    assert "topic no-such-topic (EMOTION_INPUT_TOPIC) does not exist" in worker.log
    assert f"give {stream.output} at least 5" in worker.log
    second = create_topic(stream.servers, prefix="second", partitions=2)
    with stream.worker(input_topic=f"{stream.input},{second}", metadata_max_age_ms=1000) as worker:
        worker.wait_until_ready()
        delete_topic(stream.servers, second)
        assert worker.wait_for_exit() == 2
    assert f"topic {second} does not exist any more" in worker.log


def test_commands_that_need_one_topic_say_so(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(partitions=1)
    second = create_topic(stream.servers, prefix="second", partitions=1)
    worker = stream.worker(input_topic=f"{stream.input},{second}")
    for command in (
        ["run", "--from", "earliest", "--until", "now", "--to", "elsewhere"],
        ["dead-letters", "replay"],
        ["dead-letters", "replay", "--to", "elsewhere"],
    ):
        done = worker.command(*command)
        assert done.returncode == 2
        assert "EMOTION_INPUT_TOPIC names several topics" in done.stderr
    produce(stream.servers, second, [NewRecord(b"broken", b"k")])
    stream.produce([NewRecord(b"broken", b"k")])
    with stream.worker(input_topic=f"{stream.input},{second}") as running:
        assert len(stream.letters(2)) == 2
        assert running.terminate() == 0
    done = worker.command("dead-letters", "replay", "--to", second)
    assert done.returncode == 0, done.stderr
    figures = orjson.loads(done.stdout.splitlines()[-1])
    assert (figures["replayed"], figures["filtered_out"]) == (1, 1)
