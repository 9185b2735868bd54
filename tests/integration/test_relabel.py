"""Bounded runs on real Apache Kafka: a part of a topic labelled anew, by another model, to another topic."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tests.harness.eventually import eventually
from tests.harness.independent import (
    NewRecord,
    RunningReader,
    committed_offsets,
    create_topic,
    make_topic_anew,
    produce,
    read_topic,
)
from tests.integration.conftest import Stream, identities, message


@pytest.fixture
def relabelled(make_stream: Callable[..., Stream]) -> tuple[Stream, str]:
    """A stream, and the topic for its second labels, which has one for its dead letters."""
    stream = make_stream()
    topic = create_topic(stream.servers, prefix="second", partitions=2)
    return stream, topic


def test_a_range_is_labelled_anew_once_and_the_run_says_what_changed(
    relabelled: tuple[Stream, str], other_model: Path
) -> None:
    stream, second = relabelled
    texts = [message(f"m{number}", f"text number {number}", partition=number % 2) for number in range(30)]
    stream.produce([*texts, message("empty", " ", partition=0)])
    with stream.worker() as worker:
        old = stream.labels(30)
        assert worker.terminate() == 0
    before = stream.committed()
    letters = create_topic(stream.servers, partitions=2)
    command = ["run", "--from=0:5,1:0", f"--until={datetime.now(UTC).isoformat()}", f"--to={second}"]
    command += [f"--dead-letters={letters}", f"--compare={stream.output}"]
    stream.produce([message("later", "after the end of the range", partition=0)])
    done = stream.worker(model=other_model).command(*command)
    assert done.returncode == 0, done.stderr
    figures = orjson.loads(done.stdout.splitlines()[-1])
    labels = read_topic(stream.servers, second, at_least=25)
    assert sorted(identities(labels)) == sorted(f"m{n}" for n in range(30) if n % 2 or n >= 10)
    assert (figures["records"], figures["labelled"], figures["dead_lettered"]) == (26, 25, 1)
    assert figures["finished"]
    assert figures["compared"] == 25
    assert sum(pair["records"] for pair in figures["changed"]) == 25
    assert all(pair["new"] == pair["old"].upper() for pair in figures["changed"])
    assert {orjson.loads(r.value or b"")["label"].upper() for r in old} >= {p["new"] for p in figures["changed"]}
    assert stream.committed() == before


def test_a_run_skips_and_splits_as_the_live_workers_do_and_compares_no_split_records(
    relabelled: tuple[Stream, str],
) -> None:
    stream, second = relabelled
    stream.produce(
        [NewRecord(b'[{"text": "a", "kind": "post"}, {"text": "b"}]', partition=0), NewRecord(b"{}", partition=1)]
    )
    command = ["run", "--from=earliest", "--until=now", f"--to={second}", f"--dead-letters={stream.dead_letters}"]
    worker = stream.worker(split="array", only_if="kind=post")
    done = worker.command(*command)
    assert done.returncode == 0, done.stderr
    figures = orjson.loads(done.stdout.splitlines()[-1])
    assert [figures[name] for name in ("finished", "records", "labelled", "skipped")] == [True, 3, 1, 2]
    assert identities(read_topic(stream.servers, second, at_least=1)) == [f"{stream.input}-0-0-0"]
    refused = worker.command(*command, f"--compare={stream.output}")
    assert refused.returncode == 2
    assert "--compare: with EMOTION_SPLIT" in refused.stderr


def test_a_run_that_is_killed_goes_on_and_repeats_nothing(relabelled: tuple[Stream, str]) -> None:
    stream, second = relabelled
    count = 10_000
    produce(stream.servers, stream.input, [message(str(n), f"text {n}", partition=n % 2) for n in range(count)])
    command = ["run", "--from=earliest", "--until=now", f"--to={second}", f"--dead-letters={stream.dead_letters}"]
    command += [f"--group={stream.group}-own"]
    with RunningReader(stream.servers, second) as reader, stream.worker().start(*command) as first:
        eventually(lambda: reader.records, 90, "the first labels are out", interval_s=0.01)
        first.kill()
    assert len(read_topic(stream.servers, second)) < count, "killed too late to prove anything"
    done = stream.worker().command(*command)
    assert done.returncode == 0, done.stderr
    found = identities(read_topic(stream.servers, second, at_least=count))
    assert sorted(found, key=int) == [str(n) for n in range(count)]
    assert committed_offsets(stream.servers, f"{stream.group}-own", stream.input) == {0: count // 2, 1: count // 2}


def test_a_run_whose_topic_is_made_anew_ends_and_goes_over_the_new_one_when_begun_again(
    relabelled: tuple[Stream, str],
) -> None:
    stream, second = relabelled
    stream.produce([message(f"old-{n}", f"text {n}", partition=n % 2) for n in range(3000)])
    command = ["run", "--from=earliest", "--until=now", f"--to={second}", f"--dead-letters={stream.dead_letters}"]
    worker = stream.worker(window_max_records=50)
    with RunningReader(stream.servers, second) as reader, worker.start(*command) as run:
        eventually(lambda: reader.records, 90, "the first labels are out", interval_s=0.01)
        make_topic_anew(stream.servers, stream.input, stream.partitions)
        stream.produce([message(f"new-{n}", f"text {n}", partition=n % 2) for n in range(40)])
        assert run.wait_for_exit() == 2
    told = run.log.splitlines()[-1]
    assert any(f"topic {stream.input} {what}" in told for what in ("was made anew", "does not exist any more")), told
    done = stream.worker().command(*command)
    assert done.returncode == 0, done.stderr
    assert orjson.loads(done.stdout.splitlines()[-1])["records"] == 40
    found = identities(read_topic(stream.servers, second, at_least=40))
    assert sorted(name for name in found if "new" in name) == sorted(f"new-{n}" for n in range(40))


def test_a_run_that_would_mix_with_the_live_one_or_lacks_a_topic_is_refused(relabelled: tuple[Stream, str]) -> None:
    stream, second = relabelled
    worker = stream.worker()
    bounds = ["run", "--from=earliest", "--until=now"]
    for options, problem in [
        ([f"--to={stream.output}"], "--allow-live-topic"),
        ([f"--to={second}", f"--group={stream.group}"], "is EMOTION_GROUP_ID"),
        ([f"--to={second}"], f"topic {second}-dead-letters (--dead-letters) does not exist"),
        (
            [f"--to={second}", f"--dead-letters={stream.dead_letters}", "--from=0:0,1:0,9:5"],
            f"--from names partition 9, but {stream.input} has 2",
        ),
        ([f"--to={second}", "--processes=2"], "--processes: a bounded run is one process"),
        ([], "needs --from, --until and --to"),
    ]:
        done = worker.command(*bounds, *options)
        assert (done.returncode, problem in done.stderr) == (2, True), done.stderr
