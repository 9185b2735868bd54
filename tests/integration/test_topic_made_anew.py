"""A topic that was deleted and made again under its name is another one: nothing of the old one counts for it."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing

import kafka
from confluent_kafka import TopicPartition
from kafka import KafkaAdminClient

from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, end_offsets, make_topic_anew, topic_id
from tests.harness.worker_process import WorkerProcess
from tests.integration.conftest import Stream, commit_places, identities, message, starts

OLD, NEW = 1500, 2600
SMALL_WINDOWS = {"window_max_records": 50}  # so that the worker is busy for a while


def messages(name: str, count: int) -> list[NewRecord]:
    return [message(f"{name}-{index}", f"text {index % 50}", partition=0) for index in range(count)]


def wait_for_labels(stream: Stream, count: int) -> None:
    eventually(lambda: end_offsets(stream.servers, stream.output)[0] >= count, 60, f"{count} labels", interval_s=0.01)


def label_the_rest(stream: Stream, worker: WorkerProcess, count: int) -> None:
    """Wait until all is read. A worker that meets the moment without the topic ends, and is started again."""

    def is_read() -> bool:
        if worker.process.poll() is not None:
            assert worker.wait_for_exit() == 2
            assert f"topic {stream.input} does not exist any more" in worker.log
            worker.start()
        return stream.committed().get(0) == count == end_offsets(stream.servers, stream.input)[0]

    eventually(is_read, 120, "all of the new topic is read", interval_s=0.2)


def assert_new_ones_are_labelled(stream: Stream, at_most: int) -> None:
    counts = Counter(identities(stream.labels(NEW)))
    new = {name: count for name, count in counts.items() if name.startswith("new-")}
    assert set(new) == {f"new-{index}" for index in range(NEW)}
    assert max(counts.values()) <= at_most


def test_texts_of_a_topic_that_is_made_anew_while_the_worker_is_busy_are_labelled_once(stream: Stream) -> None:
    stream.produce(messages("old", OLD))
    with stream.worker(**SMALL_WINDOWS) as worker:
        wait_for_labels(stream, 300)
        make_topic_anew(stream.servers, stream.input, stream.partitions)
        stream.produce(messages("new", NEW))
        label_the_rest(stream, worker, NEW)
        assert worker.terminate() == 0
    assert len(identities(stream.labels(NEW))) < OLD + NEW  # the old ones were not all read before
    assert_new_ones_are_labelled(stream, at_most=1)


def test_offsets_of_the_old_topic_do_not_count_for_a_worker_that_comes_later(stream: Stream) -> None:
    stream.produce(messages("old", 20))
    with stream.worker() as worker:
        eventually(lambda: stream.committed().get(0) == 20, 60, "the old topic is read")
        assert worker.terminate() == 0
    of_old = committed_beside(stream)
    assert of_old.endswith(f"/{topic_id(stream.servers, stream.input)}")
    make_topic_anew(stream.servers, stream.input, stream.partitions)
    stream.produce(messages("new", 30))
    commit_places(
        stream, [TopicPartition(stream.input, 0, 20, of_old)]
    )  # brokers drop it with the topic, unless it was committed a moment later
    with stream.worker() as worker:
        assert starts(worker)[0] == (0, "made_anew")
        assert worker.log.count("topic_made_anew") == 1
        eventually(lambda: stream.committed().get(0) == 30, 60, "the new topic is read")
    assert max(Counter(identities(stream.labels(50))).values()) == 1
    elsewhere = f"another-cluster/{of_old.split('/')[1]}"
    commit_places(
        stream, [TopicPartition(stream.input, 0, 20, elsewhere)]
    )  # as tools do that mirror topics and their groups' offsets
    with stream.worker() as worker:
        assert starts(worker)[0] == (20, "committed")


def test_a_shorter_topic_is_read_from_its_beginning_by_a_worker_that_had_nothing_to_do(stream: Stream) -> None:
    stream.produce(messages("old", 20))
    with stream.worker() as worker:
        eventually(lambda: stream.committed().get(0) == 20, 60, "the old topic is read")
        make_topic_anew(stream.servers, stream.input, stream.partitions)
        stream.produce(messages("new", 7))
        label_the_rest(stream, worker, 7)
        assert worker.terminate() == 0
    assert max(Counter(identities(stream.labels(27))).values()) == 1


def test_an_output_that_is_made_anew_is_written_to_and_said(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"metadata_max_age_ms": 1000})
    stream.produce(messages("before", 5))
    with stream.worker() as worker:
        eventually(lambda: stream.committed().get(0) == 5, 60, "the first ones are read")
        make_topic_anew(stream.servers, stream.output, stream.partitions)
        numbers = iter(range(1000))

        def is_said() -> bool:
            stream.produce([message(f"after-{next(numbers)}", "text", partition=0)])
            return "topic_made_anew" in worker.log

        eventually(is_said, 60, "the worker says so", interval_s=0.5)
        count = next(numbers)
        eventually(lambda: stream.committed().get(0) == 5 + count, 60, "all are read")
        assert worker.terminate() == 0
    assert identities(stream.labels(count)) == [f"after-{index}" for index in range(count)]


def committed_beside(stream: Stream) -> str:
    """What the group has committed beside the offset of partition 0."""
    with closing(KafkaAdminClient(bootstrap_servers=stream.servers)) as admin:
        places = admin.list_group_offsets(stream.group)[stream.group]
    return str(places[kafka.TopicPartition(stream.input, 0)].metadata)
