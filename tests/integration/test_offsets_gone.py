"""A group whose committed offsets are gone goes on behind what the outputs answer."""

from collections import Counter
from collections.abc import Callable

import pytest
from confluent_kafka import TopicPartition

from tests.harness.independent import NewRecord, forget_group, make_topic_anew, produce
from tests.integration.conftest import Stream, commit_places, identities, message, starts


def label_and_forget(stream: Stream, records: list[NewRecord], **settings: object) -> None:
    """Let a worker answer these, end it, and let the brokers forget its group."""
    stream.produce(records)
    with stream.worker(**settings) as worker:
        stream.wait_until_read()
        assert worker.terminate() == 0
    forget_group(stream.servers, stream.group)
    assert stream.committed() == {}


def texts(name: str, count: int, partition: int = 0) -> list[NewRecord]:
    return [message(f"{name}-{index}", f"text {index}", partition) for index in range(count)]


def test_it_goes_on_behind_the_last_label_or_dead_letter(stream: Stream) -> None:
    broken = [NewRecord(b"broken", b"k", partition=partition) for partition in (0, 0, 1)]
    label_and_forget(stream, [*texts("a", 30), *texts("b", 20, 1), *broken])
    stream.produce([*texts("later", 5), *texts("later-still", 5, 1)])
    with stream.worker() as worker:
        # A partition's offsets are its records at least once; exactly once they are too: the input has no markers.
        assert starts(worker) == {0: (32, "answers"), 1: (21, "answers")}
        stream.wait_until_read()
        assert worker.terminate() == 0
    assert max(Counter(identities(stream.labels(60))).values()) == 1
    assert len(stream.letters(3)) == 3


@pytest.mark.parametrize("start_offset", ["earliest", "latest"])
def test_a_topic_that_was_made_anew_meanwhile_is_read_from_its_beginning(
    start_offset: str, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream(partitions=1)
    label_and_forget(stream, [*texts("old", 20), NewRecord(b"broken", b"k")])
    make_topic_anew(stream.servers, stream.input)
    stream.produce([*texts("new", 30), NewRecord(b"broken too", b"k")])
    with stream.worker(start_offset=start_offset) as worker:
        assert starts(worker) == {0: (0, "answers")}
        assert "answered_records_gone" in worker.log
        stream.wait_until_read()
        assert worker.terminate() == 0
    assert Counter(identities(stream.labels(50))) == Counter(
        [*(f"old-{index}" for index in range(20)), *(f"new-{index}" for index in range(30))]
    )
    # What was answered since then counts again, although higher offsets of the old topic were answered before it.
    forget_group(stream.servers, stream.group)
    with stream.worker(start_offset=start_offset) as worker:
        assert starts(worker) == {0: (31, "answers")}


def test_a_new_group_on_empty_outputs_starts_as_it_is_told(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(partitions=1)
    produce(stream.servers, stream.output, [NewRecord(None, b"a tombstone")] * 3)
    stream.produce(texts("a", 3))
    with stream.worker(start_offset="latest") as worker:
        assert starts(worker) == {0: (3, "latest")}
    stream.group += "-2"
    with stream.worker() as worker:
        assert starts(worker) == {0: (0, "earliest")}


def test_an_offset_that_was_set_by_hand_wins(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(partitions=1)
    label_and_forget(stream, texts("a", 20))
    commit_places(stream, [TopicPartition(stream.input, 0, 5)])
    with stream.worker() as worker:
        assert starts(worker) == {0: (5, "committed")}


def test_at_least_once_goes_on_at_the_first_text_without_an_answer(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(partitions=1, settings={"delivery": "at_least_once"})
    label_and_forget(stream, [*texts("a", 20), NewRecord(b"broken", b"k"), *texts("b", 10)])
    make_topic_anew(stream.servers, stream.dead_letters)  # its letter was not written before the crash
    with stream.worker() as worker:
        assert starts(worker) == {0: (20, "answers")}
        assert len(stream.letters(1)) == 1


def test_skipped_records_need_no_answer(stream: Stream) -> None:
    """At least once the last window may come again, and no more."""
    stream.settings |= {"only_if": "id!=null", "window_max_records": 20}
    likes = [NewRecord(b"{}", b"k", partition=0)] * 9
    label_and_forget(stream, [record for number in range(20) for record in (*texts(f"a{number}", 1), *likes)])
    with stream.worker() as worker:
        expected = 191 if stream.settings["delivery"] == "exactly_once" else 171  # the last answer is to offset 190
        assert starts(worker)[0] == (expected, "answers")


def test_of_a_record_of_several_texts_each_is_answered(stream: Stream) -> None:
    """At least once some of them alone may be: the last window comes again."""
    stream.settings |= {"split": "array", "window_max_records": 20}
    whole = NewRecord(b'["a", "b"]', b"k", partition=0)
    label_and_forget(stream, [*[whole] * 30, NewRecord(b"[1, 2]", b"k", partition=0)])
    with stream.worker() as worker:
        expected = 31 if stream.settings["delivery"] == "exactly_once" else 11
        assert starts(worker)[0] == (expected, "answers")


def test_labels_of_a_bounded_run_do_not_count(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(partitions=1)
    label_and_forget(stream, texts("a", 20))
    stream.produce(texts("b", 20))
    run = stream.worker().command(
        "run", "--from", "0:30", "--until", "now", "--to", stream.output, "--allow-live-topic",
        "--dead-letters", stream.dead_letters,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    with stream.worker() as worker:
        assert starts(worker) == {0: (20, "answers")}
