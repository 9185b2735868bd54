"""A topic that was deleted and made again under its name is another one: nothing of the old one counts for it."""

from collections import Counter

from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, end_offsets, make_topic_anew
from tests.harness.worker_process import WorkerProcess
from tests.integration.conftest import Stream, identities, message

OLD, NEW = 1500, 2600
SMALL_WINDOWS = {"window_max_records": 50}  # so that the worker is busy for a while


def messages(name: str, count: int) -> list[NewRecord]:
    return [message(f"{name}-{index}", f"text {index % 50}", partition=0) for index in range(count)]


def wait_for_labels(stream: Stream, count: int) -> None:
    eventually(lambda: end_offsets(stream.servers, stream.output)[0] >= count, 60, f"{count} labels", interval_s=0.01)


def label_the_rest(stream: Stream, worker: WorkerProcess) -> None:
    """Wait until all is read. A worker that meets the moment without the topic ends, and is started again."""

    def is_read() -> bool:
        if worker.process.poll() is not None:
            assert worker.wait_for_exit() == 2
            assert f"topic {stream.input} does not exist any more" in worker.log
            worker.start()
        return stream.committed().get(0) == NEW == end_offsets(stream.servers, stream.input)[0]

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
        label_the_rest(stream, worker)
        assert worker.terminate() == 0
    assert len(identities(stream.labels(NEW))) < OLD + NEW  # the old ones were not all read before
    assert_new_ones_are_labelled(stream, at_most=1)
