"""A challenger beside live workers on real Kafka: what leaves, and that nothing is lost or repeated."""

from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.emotion_label import Source
from tests.harness.challenger import Challenger, challenger, content, pipeline_labels, wait_until_compared
from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.independent import (
    NewRecord,
    RunningReader,
    committed_offsets,
    create_topic,
    delete_records,
    produce,
    read_topic,
)
from tests.harness.tiny_model import write_tiny_model
from tests.integration.conftest import Stream, message
from worker.flow import Record
from worker.kafka.key_share import share_of

TEXTS = [f"text number {number} of {number * 7919 % 1000}" for number in range(300)]


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("other") / "other", initializer_range=0.5)


@pytest.fixture(scope="module")
def expected(tiny_model: Path, other_model: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Of each text what both models make of it."""
    return list(zip(pipeline_labels(tiny_model, TEXTS), pipeline_labels(other_model, TEXTS), strict=True))


def beside(stream: Stream, model: Path, *options: str, **settings: object) -> AbstractContextManager[Challenger]:
    return challenger(stream.worker(**settings), stream.folder, model, *options)


def labelled(stream: Stream, records: list[NewRecord]) -> list[tuple[int, int]]:
    """Written, and labelled by a live worker that has ended since."""
    places = stream.produce(records)
    with stream.worker() as worker:
        stream.wait_until_read()
        assert worker.terminate() == 0
    return places


def wait_until_all_is_compared(stream: Stream) -> None:
    wait_until_compared(stream.servers, f"{stream.group}-challenger", stream.output)


def test_where_the_models_differ_both_answers_leave_in_order_and_the_summary_adds_up(
    rivals: tuple[Stream, str],
    other_model: Path,
    expected: list[tuple[dict[str, Any], dict[str, Any]]],
    endpoint: Endpoint,
) -> None:
    stream, topic = rivals
    records = [message(f"m{number}", text, partition=number % 2) for number, text in enumerate(TEXTS)]
    places = labelled(stream, [*records, message("empty", " ", partition=0)])
    different = [number for number, (live, new) in enumerate(expected) if live["label"] != new["label"]]
    assert 20 < len(different) < len(TEXTS) - 20
    with beside(stream, other_model, http_port=endpoint.port) as running:
        wait_until_all_is_compared(stream)
        eventually(lambda: endpoint.value("emotion_challenger_compared_total") == len(TEXTS), 30, "all are counted")
        assert endpoint.value("emotion_challenger_disagreements_total") == len(different)
        assert endpoint.value("emotion_challenger_score_gap_count") == len(TEXTS)
        assert endpoint.value("emotion_labels_total") == 0
        assert running.terminate() == 0
        summary = running.summary()
    found = read_topic(stream.servers, topic, at_least=len(different))
    by_partition = {number: [content(r)["id"] for r in found if r.partition == number] for number in (0, 1)}
    assert by_partition == {number: [f"m{n}" for n in different if n % 2 == number] for number in (0, 1)}
    live_labels = {content(record)["id"]: record for record in stream.labels(len(TEXTS))}
    for record in found:
        disagreement = content(record)
        number = int(disagreement["id"][1:])
        (live, new), (partition, offset) = expected[number], places[number]
        label = live_labels[disagreement["id"]]
        assert record.key == disagreement["id"].encode()
        assert disagreement["origin"] == f"{stream.input}-{partition}-{offset}"
        assert (disagreement["answer"]["partition"], disagreement["answer"]["offset"]) == (
            label.partition,
            label.offset,
        )
        assert disagreement["live"]["label"] == live["label"]
        assert disagreement["challenger"]["label"] == new["label"]
        assert disagreement["challenger"]["score"] == pytest.approx(new["score"], abs=1e-3)
        same = ("label", "score", "scores", "confident", "labels", "model", "labelled_at_ms")
        assert disagreement["live"] == {name: content(label)[name] for name in same}
        assert TEXTS[number] not in (record.value or b"").decode()
    pairs = Counter((live["label"], new["label"]) for live, new in expected)
    assert {(p["live"], p["challenger"]): p["texts"] for p in summary["pairs"]} == pairs
    assert (summary["compared"], summary["disagreements"]) == (len(TEXTS), len(different))
    assert summary["agreement"] == pytest.approx(1 - len(different) / len(TEXTS), abs=1e-4)
    gap = sum(new["score"] - live["score"] for live, new in expected) / len(TEXTS)
    assert summary["mean_score_gap"] == pytest.approx(gap, abs=1e-3)
    assert summary["model_texts_per_second"] > 0
    assert (summary["finished"], summary["unmatched"]) == (None, {})


def test_a_kill_repeats_and_loses_nothing(rivals: tuple[Stream, str], other_model: Path) -> None:
    stream, topic = rivals
    count = 6_000
    labelled(stream, [message(str(n), f"text {n * 7919 % 6007}", partition=n % 2) for n in range(count)])
    with RunningReader(stream.servers, topic) as reader, beside(stream, other_model) as killed:
        eventually(lambda: len(reader.records) > 100, 90, "disagreements leave", interval_s=0.01)
        killed.kill()
    before = committed_offsets(stream.servers, f"{stream.group}-challenger", stream.output)
    assert sum(before.values()) < count, "killed too late to prove anything"
    with beside(stream, other_model) as first:
        first.wait_until_ready()
        with beside(stream, other_model) as second:  # a rebalance
            second.wait_until_ready()
            wait_until_all_is_compared(stream)
            assert (first.terminate(), second.terminate()) == (0, 0)
    # As an independent reader sees it: the same as one undisturbed run over the same labels.
    again = create_topic(stream.servers, prefix="again", partitions=2)
    done = stream.worker(challenger_topic=again).command(
        "run", f"--challenger={other_model}", "--from=earliest", "--until=now"
    )
    assert done.returncode == 0, done.stderr
    summary = orjson.loads(done.stdout.splitlines()[-1])
    assert (summary["finished"], summary["compared"]) == (True, count)
    found = read_topic(stream.servers, topic, at_least=summary["disagreements"])
    wanted = read_topic(stream.servers, again, at_least=summary["disagreements"])
    for partition in (0, 1):
        assert [content(r)["origin"] for r in found if r.partition == partition] == [
            content(r)["origin"] for r in wanted if r.partition == partition
        ]
    assert len(found) > 500


def test_a_challenger_that_is_ahead_waits_for_labels_and_lacks_none(
    rivals: tuple[Stream, str], other_model: Path, endpoint: Endpoint
) -> None:
    stream, _ = rivals
    with beside(stream, other_model, http_port=endpoint.port) as running:
        running.wait_until_ready()
        stream.produce([message(f"m{n}", text, partition=n % 2) for n, text in enumerate(TEXTS)])
        eventually(endpoint.is_ready, 30, "it is ready though nothing is labelled")
        assert endpoint.value("emotion_challenger_compared_total") == 0
        with stream.worker() as live:
            stream.wait_until_read()
            wait_until_all_is_compared(stream)
            assert live.terminate() == 0
        assert running.terminate() == 0
        assert running.summary()["compared"] == len(TEXTS)


def test_what_has_no_label_or_no_text_any_more_is_passed_over_and_told(
    rivals: tuple[Stream, str], other_model: Path
) -> None:
    stream, _ = rivals
    records = [message(f"m{n}", text, partition=0) for n, text in enumerate(TEXTS[:40])]
    records[10], records[20] = NewRecord(b"no json", partition=0), NewRecord(None, b"m20", partition=0)
    labelled(stream, records)
    delete_records(stream.servers, stream.input, {0: 5})
    label = stream.labels(39)[-1]
    produce(stream.servers, stream.output, [NewRecord(b"no label", partition=0), NewRecord(label.value, partition=0)])
    elsewhere = orjson.dumps(content(label) | {"source": {**content(label)["source"], "topic": "elsewhere"}})
    marked = (("emotion-labelled-by", b"a-run"),)
    produce(
        stream.servers,
        stream.output,
        [NewRecord(elsewhere, partition=0), NewRecord(label.value, headers=marked, partition=0)],
    )
    with beside(stream, other_model) as running:
        wait_until_all_is_compared(stream)
        assert running.terminate() == 0
        summary = running.summary()
    assert summary["compared"] == 40 - 2 - 5
    assert summary["unmatched"] == {"text_gone": 5, "no_label": 1, "repeated": 1, "other_input": 1, "bounded_run": 1}


def test_a_share_has_the_same_texts_on_every_run(rivals: tuple[Stream, str], other_model: Path) -> None:
    stream, _ = rivals
    keyless = [NewRecord(orjson.dumps({"text": text}), partition=n % 2) for n, text in enumerate(TEXTS[:100])]
    records = [message(f"m{n}", text, partition=n % 2) for n, text in enumerate(TEXTS)] + keyless
    places = labelled(stream, records)
    chosen = {
        f"{stream.input}-{partition}-{offset}"
        for record, (partition, offset) in zip(records, places, strict=True)
        if share_of(Record(Source(stream.input, partition, offset, None), record.key, None, [])) >= 0.7
    }
    runs = []
    for _ in range(2):
        topic = create_topic(stream.servers, prefix="share", partitions=2)
        command = ["run", f"--challenger={other_model}", "--share=0.3", "--from=earliest", "--until=now"]
        done = stream.worker(challenger_topic=topic).command(*command)
        assert done.returncode == 0, done.stderr
        summary = orjson.loads(done.stdout.splitlines()[-1])
        assert summary["compared"] == len(chosen)
        runs.append(
            {content(r)["origin"] for r in read_topic(stream.servers, topic, at_least=summary["disagreements"])}
        )
    assert runs[0] == runs[1]
    assert runs[0] <= chosen
    assert 60 < len(chosen) < 180


def test_texts_of_several_topics_are_found_in_their_own(rivals: tuple[Stream, str], other_model: Path) -> None:
    stream, topic = rivals
    second = create_topic(stream.servers, prefix="in2", partitions=2)
    stream.settings |= {"input_topic": f"{stream.input},{second}"}
    for number, name in enumerate((stream.input, second)):
        texts = enumerate(TEXTS[number::2])
        produce(stream.servers, name, [message(text, text, partition=place % 2) for place, text in texts])
    with stream.worker() as worker:
        stream.labels(len(TEXTS))
        assert worker.terminate() == 0
    done = stream.worker().command("run", f"--challenger={other_model}", "--from=earliest", "--until=now")
    assert done.returncode == 0, done.stderr
    summary = orjson.loads(done.stdout.splitlines()[-1])
    assert (summary["compared"], summary["unmatched"]) == (len(TEXTS), {})
    for record in read_topic(stream.servers, topic, at_least=summary["disagreements"]):
        found = content(record)
        assert found["source"]["topic"] == (stream.input, second)[TEXTS.index(found["id"]) % 2]


def test_disagreements_are_drawn_for_review_with_the_live_label(
    rivals: tuple[Stream, str], other_model: Path, expected: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    stream, topic = rivals
    reviews = create_topic(stream.servers, prefix="reviews", partitions=2)
    labelled(stream, [message(f"m{n}", text, partition=n % 2) for n, text in enumerate(TEXTS)])
    drawn = {"review_topic": reviews, "review_disagreement_per_million": 500_000, "review_per_minute": 10**6}
    with beside(stream, other_model, **drawn) as running:
        wait_until_all_is_compared(stream)
        assert running.terminate() == 0
        summary = running.summary()
    found = [content(record) for record in read_topic(stream.servers, reviews, at_least=summary["reviews"])]
    origins = {content(r)["origin"]: content(r) for r in read_topic(stream.servers, topic)}
    assert 0.3 * len(origins) < len(found) < 0.7 * len(origins)
    for review in found:
        assert (review["reasons"], review["probability"]) == (["disagreement"], 0.5)
        number = int(review["id"][1:])
        assert (review["text"], review["label"]) == (TEXTS[number], expected[number][0]["label"])
        assert review["model"] == origins[review["origin"]]["live"]["model"]


def test_what_would_take_something_of_the_live_workers_or_cannot_work_is_refused_in_words(
    rivals: tuple[Stream, str], other_model: Path
) -> None:
    stream, topic = rivals
    narrow = create_topic(stream.servers, prefix="narrow", partitions=1)
    command = ["run", f"--challenger={other_model}"]
    for settings, options, problem in [
        ({"challenger_topic": stream.output}, [], "is a topic of the live workers"),
        ({"challenger_group_id": stream.group}, [], "is EMOTION_GROUP_ID"),
        ({}, [f"--group={stream.group}"], "--group"),
        ({"split": "array"}, [], "which have one offset: label a part anew by it, `run --from"),
        ({"challenger_topic": "not-there"}, [], "topic not-there (EMOTION_CHALLENGER_TOPIC) does not exist"),
        ({"challenger_topic": narrow}, [], f"topic {narrow} has 1 partitions, but {stream.input} has 2"),
        ({}, ["--processes=2"], "--processes: a challenger is one process"),
        ({}, ["--to=else"], "--to does not go with --challenger"),
        ({}, ["--until=now"], "needs --from and --until"),
        ({}, ["--challenger=/no/such"], "/no/such"),
    ]:
        done = stream.worker(**settings).command(*command, *options)
        assert (done.returncode, problem in done.stderr) == (2, True), (problem, done.stderr)
        assert "Traceback" not in done.stderr
    assert "--share needs --challenger" in stream.worker().command("run", "--share=0.5").stderr
    assert "no number above 0 up to 1" in stream.worker().command(*command, "--share=0").stderr
    code, report = stream.worker().check(f"--challenger={other_model}")
    assert (code, topic in report) == (0, True), report
    code, report = stream.worker(challenger_topic=narrow).check(f"--challenger={other_model}")
    assert (code, f"topic {narrow} has 1 partitions" in report) == (1, True), report
