"""A record that the brokers refuse becomes a dead letter; its neighbours are labelled once and in order."""

import time
from collections.abc import Callable

import orjson
import pytest

from tests.harness.independent import NewRecord, StoredRecord
from tests.harness.terse_brokers import MODULE as TERSE_BROKERS
from tests.integration.conftest import Stream, identities, message, set_config

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
FOR_EVER_MS = 2**63 - 1


def stamped(identity: str, timestamp_ms: int, partition: int = 0) -> NewRecord:
    record = message(identity, f"i feel fine {identity}", partition)
    return NewRecord(record.value, record.key, partition=partition, timestamp_ms=timestamp_ms)


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def said(letter: StoredRecord) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in letter.headers if name.startswith("dead-letter-")}


@pytest.fixture(params=["told at start", "changed while running"])
def known(request: pytest.FixtureRequest) -> bool:
    """Whether the worker can know of a topic's rules when it starts."""
    return bool(request.param == "told at start")


def test_a_text_from_the_future_is_the_only_one_that_is_not_labelled(stream: Stream, known: bool) -> None:
    set_config(stream.servers, stream.input, message_timestamp_after_max_ms=FOR_EVER_MS)
    for topic in (stream.output, stream.dead_letters):
        set_config(stream.servers, topic, message_timestamp_after_max_ms=HOUR_MS if known else FOR_EVER_MS)
    now_ms = int(time.time() * 1000)
    with stream.worker(window_max_records=1000) as worker:
        worker.wait_until_ready()
        if not known:
            for topic in (stream.output, stream.dead_letters):
                set_config(stream.servers, topic, message_timestamp_after_max_ms=HOUR_MS)
        before, after, others = names("b", 20), names("a", 20), names("o", 20)
        stream.produce(
            [
                *(stamped(name, now_ms) for name in before),
                stamped("future", now_ms + 3 * HOUR_MS),
                *(stamped(name, now_ms) for name in after),
                *(stamped(name, now_ms, partition=1) for name in others),
            ]
        )
        stream.wait_until_read()
        labels, (letter,) = stream.labels(60), stream.letters(1)
        assert worker.terminate() == 0
    assert [identities([label])[0] for label in labels if label.partition == 0] == before + after
    assert [identities([label])[0] for label in labels if label.partition == 1] == others
    assert orjson.loads(letter.value or b"")["id"] == "future"
    assert said(letter)["dead-letter-reason"] == "refused_by_topic"
    assert "imestamp" in said(letter)["dead-letter-detail"]
    assert abs(letter.timestamp_ms - now_ms) < HOUR_MS


def test_texts_too_old_for_the_output_are_dead_letters_of_today(stream: Stream) -> None:
    for topic in (stream.output, stream.dead_letters):
        set_config(stream.servers, topic, message_timestamp_before_max_ms=DAY_MS)
    now_ms = int(time.time() * 1000)
    with stream.worker() as worker:
        stream.produce([stamped("old", now_ms - 10 * DAY_MS), stamped("new", now_ms), stamped("older", 1)])
        stream.wait_until_read()
        assert identities(stream.labels(1)) == ["new"]
        letters = stream.letters(2)
        assert worker.terminate() == 0
    assert [orjson.loads(letter.value or b"")["id"] for letter in letters] == ["old", "older"]
    assert all(abs(letter.timestamp_ms - now_ms) < HOUR_MS for letter in letters)


def test_every_text_of_a_record_from_the_future_is_a_dead_letter_of_its_own(stream: Stream, known: bool) -> None:
    set_config(stream.servers, stream.input, message_timestamp_after_max_ms=FOR_EVER_MS)
    for topic in (stream.output, stream.dead_letters):
        set_config(stream.servers, topic, message_timestamp_after_max_ms=HOUR_MS if known else FOR_EVER_MS)
    now_ms = int(time.time() * 1000)
    with stream.worker(split="array") as worker:
        worker.wait_until_ready()
        if not known:
            for topic in (stream.output, stream.dead_letters):
                set_config(stream.servers, topic, message_timestamp_after_max_ms=HOUR_MS)
        future = NewRecord(b'["a", "b", "c"]', b"k", partition=0, timestamp_ms=now_ms + 3 * HOUR_MS)
        stream.produce([stamped("before", now_ms), future, stamped("after", now_ms)])
        stream.wait_until_read()
        labels, letters = stream.labels(2), stream.letters(3)
        assert worker.terminate() == 0
    assert identities(labels) == ["before", "after"]
    assert [letter.value for letter in letters] == [b'"a"', b'"b"', b'"c"']
    assert [said(letter)["dead-letter-part"] for letter in letters] == ["0", "1", "2"]
    assert {said(letter)["dead-letter-reason"] for letter in letters} == {"refused_by_topic"}


def test_a_dead_letter_from_the_future_keeps_its_reason(stream: Stream) -> None:
    set_config(stream.servers, stream.input, message_timestamp_after_max_ms=FOR_EVER_MS)
    now_ms = int(time.time() * 1000)
    with stream.worker() as worker:
        stream.produce([NewRecord(b"no json", b"k", partition=0, timestamp_ms=now_ms + 3 * HOUR_MS)])
        (letter,) = stream.letters(1)
        stream.wait_until_read()
        assert worker.terminate() == 0
    assert said(letter)["dead-letter-reason"] == "invalid_json"


@pytest.mark.parametrize("module", ["worker", TERSE_BROKERS])
def test_a_compacted_output_takes_what_has_a_key(stream: Stream, module: str) -> None:
    set_config(stream.servers, stream.output, cleanup_policy="compact")
    with stream.worker(module, window_max_records=1000) as worker:
        worker.wait_until_ready()
        keyless = [NewRecord(message(name, "a text").value, partition=0) for name in names("keyless", 3)]
        keyed = [message(name, "a text", 0) for name in names("keyed", 6)]
        stream.produce([keyed[0], keyless[0], *keyed[1:4], keyless[1], keyless[2], *keyed[4:]])
        stream.wait_until_read()
        labels, letters = stream.labels(6), stream.letters(3)
        assert worker.terminate() == 0
    assert identities(labels) == names("keyed", 6)
    assert [orjson.loads(letter.value or b"")["id"] for letter in letters] == names("keyless", 3)
    assert {said(letter)["dead-letter-reason"] for letter in letters} == {"refused_by_topic"}


def test_what_no_topic_takes_ends_the_worker_with_the_mend(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    for topic in (stream.output, stream.dead_letters):
        set_config(stream.servers, topic, cleanup_policy="compact")
    with stream.worker() as worker:
        stream.produce([NewRecord(message("keyless", "a text").value, partition=0)])
        assert worker.wait_for_exit() == 2
    assert "the brokers refuse an outcome" in worker.log
    assert "a compacted topic takes no record without a key" in worker.log
    assert sum(stream.committed().values()) == 0
