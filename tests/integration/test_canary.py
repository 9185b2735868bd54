"""Two models on one stream of real Apache Kafka: in one worker, and in two deployments that share out the keys."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import TopicPartition

from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, RunningReader, forget_group
from tests.harness.tiny_model import write_tiny_model
from tests.harness.worker_process import WorkerProcess
from tests.integration.conftest import Stream, commit_places, starts

KEYS = 120
NEW_LABELS = ["calm", "boredom", "joy"]
# Of `user-0` and so on, by blake2b as it is everywhere: whoever changes the function moves every key of every user.
BELOW_30_PERCENT = {
    2,
    6,
    10,
    17,
    21,
    25,
    30,
    37,
    39,
    40,
    41,
    44,
    45,
    46,
    47,
    51,
    52,
    56,
    57,
    60,
    64,
    65,
    69,
    73,
    76,
    77,
    78,
    81,
    85,
    92,
    94,
    96,
    99,
    101,
    106,
    108,
    111,
    112,
    114,
    115,
    116,
    118,
    119,
}


@pytest.fixture(scope="module")
def new_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = dict(enumerate(NEW_LABELS))
    return write_tiny_model(tmp_path_factory.mktemp("new") / "new", id2label=labels, hidden_act="relu")


def texts(name: str, keys: Iterable[int] = range(KEYS)) -> list[NewRecord]:
    """One of each key, and one without a key beside it."""
    return [
        _text(f"{name}-{identity}", key, number)
        for number in keys
        for identity, key in ((f"{number}", b"user-%d" % number), (f"without-key-{number}", None))
    ]


def _text(identity: str, key: bytes | None, number: int) -> NewRecord:
    value = orjson.dumps({"id": identity, "text": f"message {identity} " * (number % 5 + 1)})
    return NewRecord(value, key, partition=number % 2)


def models_by_key(labels: list[dict[str, Any]], keys: list[bytes | None]) -> dict[bytes | None, set[str]]:
    found: dict[bytes | None, set[str]] = defaultdict(set)
    for label, key in zip(labels, keys, strict=True):
        found[key].add(label["model"]["name"])
    return found


def read(stream: Stream, at_least: int) -> tuple[list[dict[str, Any]], list[bytes | None]]:
    """All labels and their keys; each answers a text of its own."""
    records = stream.labels(at_least)
    labels = [orjson.loads(record.value or b"") for record in records]
    places = [(label["source"]["partition"], label["source"]["offset"]) for label in labels]
    assert len(set(places)) == len(places) == at_least
    return labels, [record.key for record in records]


def is_in_order(labels: list[dict[str, Any]]) -> bool:
    offsets: dict[int, list[int]] = defaultdict(list)
    for label in labels:
        offsets[label["source"]["partition"]].append(label["source"]["offset"])
    return all(each == sorted(each) for each in offsets.values())


def test_a_key_keeps_its_model_through_a_kill_a_rebalance_and_a_restart_and_order_stays(
    make_stream: Callable[..., Stream], new_model: Path
) -> None:
    stream = make_stream(settings={"canary_model": new_model, "canary_percent": 30, "window_max_records": 40})
    for number in range(6):
        stream.produce(texts(f"a{number}"))
    with stream.worker() as killed, RunningReader(stream.servers, stream.output) as reader:
        eventually(lambda: len(reader.records) > 100, 90, "labels leave", interval_s=0.01)
        killed.kill()
        assert len(reader.records) < 12 * KEYS, "nothing was left to be done twice or to be missed"
    with stream.worker() as first:
        first.wait_until_ready()
        stream.produce(texts("b"))
        with stream.worker() as second:  # a rebalance
            second.wait_until_ready()
            stream.produce(texts("c"))
            stream.wait_until_read()
            assert (first.terminate(), second.terminate()) == (0, 0)
    stream.produce(texts("d"))
    with stream.worker() as restarted:
        stream.wait_until_read()
        assert restarted.terminate() == 0
    labels, keys = read(stream, 9 * 2 * KEYS)
    assert is_in_order(labels)
    by_key = models_by_key(labels, keys)
    assert by_key.pop(None) == {"tiny", "new"}
    assert by_key == {b"user-%d" % key: {"new" if key in BELOW_30_PERCENT else "tiny"} for key in range(KEYS)}
    for label in labels:
        assert (list(label["scores"]) == NEW_LABELS) == (label["model"]["name"] == "new")
        assert label["scores"][label["label"]] == label["score"] == max(label["scores"].values())


def test_a_canary_that_cannot_be_loaded_ends_the_start_in_words(
    make_stream: Callable[..., Stream], tmp_path: Path
) -> None:
    (tmp_path / "half").mkdir()
    stream = make_stream(settings={"canary_model": tmp_path / "half"})
    with stream.worker() as worker:
        assert worker.wait_for_exit() == 2
        assert f"emotion-worker: EMOTION_CANARY_MODEL: {tmp_path / 'half'} " in worker.log
        assert "Traceback" not in worker.log
    code, report = stream.worker().check()
    assert code == 1
    assert f"EMOTION_CANARY_MODEL: {tmp_path / 'half'} " in report


def deployment(stream: Stream, share: str, group: str, **settings: object) -> WorkerProcess:
    return stream.worker(key_share=share, group_id=group, **settings)


def wait_until_read_by(stream: Stream, *groups: str) -> None:
    for group in groups:
        stream.group = group
        stream.wait_until_read()


def test_two_deployments_give_each_text_one_label_and_also_where_the_offsets_of_one_are_gone(
    make_stream: Callable[..., Stream], new_model: Path
) -> None:
    stream = make_stream()
    live, other = stream.group, f"{stream.group}-canary"
    broken = [NewRecord(b"broken", b"user-%d" % key, partition=key % 2) for key in range(20)]
    gone = [NewRecord(None, b"user-%d" % key, partition=key % 2) for key in range(20)]
    stream.produce([*texts("a"), *broken])
    with deployment(stream, "30-100", live) as ours:
        with deployment(stream, "0-30", other, model=new_model) as theirs:
            wait_until_read_by(stream, live, other)
            assert theirs.terminate() == 0
        stream.produce([*texts("b"), *broken])
        wait_until_read_by(stream, live)  # it is ahead of the other one, whose offsets go now
        forget_group(stream.servers, other)
        with deployment(stream, "0-30", other, model=new_model) as theirs:
            assert {why for _, why in starts(theirs).values()} == {"answers"}
            wait_until_read_by(stream, other)
            assert theirs.terminate() == 0
        assert ours.terminate() == 0
    forget_group(stream.servers, live)  # and now the other one is ahead
    stream.produce(texts("c"))
    with deployment(stream, "0-30", other, model=new_model) as theirs:
        wait_until_read_by(stream, other)
        assert theirs.terminate() == 0
    with deployment(stream, "30-100", live) as ours:
        assert {why for _, why in starts(ours).values()} == {"answers"}
        stream.produce(gone)
        wait_until_read_by(stream, live)
        assert ours.terminate() == 0
    with deployment(stream, "0-30", other, model=new_model):
        wait_until_read_by(stream, other)
    records = stream.labels(6 * KEYS + len(gone))
    assert len([record for record in records if record.value is None]) == len(gone)
    labels = [orjson.loads(record.value) for record in records if record.value is not None]
    places = [(label["source"]["partition"], label["source"]["offset"]) for label in labels]
    assert len(set(places)) == len(places) == 6 * KEYS
    by_key = models_by_key(labels, [record.key for record in records if record.value is not None])
    by_key.pop(None)
    assert by_key == {b"user-%d" % key: {"new" if key in BELOW_30_PERCENT else "tiny"} for key in range(KEYS)}
    letters = stream.letters(40)
    assert sorted(dict(letter.headers)["dead-letter-origin"] or b"" for letter in letters) == sorted(
        {dict(letter.headers)["dead-letter-origin"] or b"" for letter in letters}
    )
    assert len(letters) == 40


def test_a_deployment_is_narrowed_and_another_takes_over_what_it_left_and_the_way_back_is_refused(
    make_stream: Callable[..., Stream], new_model: Path
) -> None:
    stream = make_stream()
    live, other = stream.group, f"{stream.group}-canary"
    stream.produce(texts("a"))
    with stream.worker() as whole:
        stream.wait_until_read()
        assert whole.terminate() == 0
    stream.produce(texts("b"))
    with deployment(stream, "30-100", live) as ours:
        wait_until_read_by(stream, live)
        with deployment(stream, "0-30", other, model=new_model) as theirs:
            stream.produce(texts("c"))
            wait_until_read_by(stream, live, other)
            assert (ours.terminate(), theirs.terminate()) == (0, 0)
    labels, keys = read(stream, 6 * KEYS)
    later = [(label, key) for label, key in zip(labels, keys, strict=True) if key and label["id"][0] in "bc"]
    by_key = models_by_key([label for label, _ in later], [key for _, key in later])
    assert by_key == {b"user-%d" % key: {"new" if key in BELOW_30_PERCENT else "tiny"} for key in range(KEYS)}
    stream.group = live
    with stream.worker() as whole:  # would miss what the other one has not labelled yet
        assert whole.wait_for_exit() == 2
        assert f"emotion-worker: EMOTION_KEY_SHARE: group {live} has read on for the keys 30-100 alone" in whole.log
    stream.produce(texts("d"))
    with deployment(stream, "0-30", other, model=new_model) as theirs:  # which is ahead then
        wait_until_read_by(stream, other)
        assert theirs.terminate() == 0
    stream.group = live
    commit_places(stream, [TopicPartition(stream.input, *place) for place in stream.committed().items()])
    with stream.worker() as whole:
        stream.wait_until_read()
        assert whole.terminate() == 0
    found = Counter(orjson.loads(record.value or b"")["id"] for record in stream.labels(8 * KEYS))
    assert len(found) == 8 * KEYS, "nothing is missing"
    twice = {identity for identity, count in found.items() if count > 1}
    assert twice >= {f"d-{key}" for key in BELOW_30_PERCENT}, "what the other deployment was ahead by"
    assert all(identity.startswith("d-") for identity in twice)
    assert not twice & {f"d-{key}" for key in set(range(KEYS)) - BELOW_30_PERCENT}
