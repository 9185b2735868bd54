"""Dead letters on real Apache Kafka: shown, and their originals sent again."""

from collections.abc import Callable

import orjson

from tests.harness.eventually import eventually
from tests.harness.independent import (
    NewRecord,
    RunningReader,
    StoredRecord,
    create_topic,
    delete_topic,
    produce,
    read_topic,
)
from tests.integration.conftest import Stream

AT_MS = 1_764_000_000_000


def letter(
    number: int, reason: str = "model_failed", *, at_ms: int = AT_MS, cut: bool = False, topic: str = "in"
) -> NewRecord:
    """What a worker wrote of a record that came from partition 1 of `topic`."""
    said = {
        "reason": reason,
        "detail": "why",
        "origin": f"{topic}-1-{number}",
        "model": "m@sha256:00",
        "at-ms": str(at_ms),
    } | ({"original-bytes": "5000000"} if cut else {})
    headers = (("mine", b"1"), *((f"dead-letter-{name}", value.encode()) for name, value in said.items()))
    value = orjson.dumps({"text": f"text {number}"})
    return NewRecord(value, str(number).encode(), headers, partition=1)


def keys(records: list[StoredRecord]) -> list[int]:
    return [int(record.key or b"-1") for record in records]


def test_letters_are_shown_by_reason_and_time_without_their_values(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    late = [letter(number, at_ms=AT_MS + 60_000) for number in (3, 4)]
    letters = [letter(1), letter(2, "empty_text"), *late, NewRecord(b"none of ours", partition=0)]
    produce(stream.servers, stream.dead_letters, letters)
    done = stream.worker().command("dead-letters", "show")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert lines[1] == {"origin": "in-1-2", "reason": "empty_text", "detail": "why", "at_ms": AT_MS, "key": "2"}
    assert [line["key"] for line in lines] == ["1", "2", "3", "4"]
    since = ["--reason=model_failed", "--since=2025-11-24T16:00:01Z", "--partition=1", "--limit=1", "--with-value"]
    done = stream.worker().command("dead-letters", "show", *since)
    (line,) = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert (line["key"], line["value"]) == ("3", '{"text":"text 3"}')


def test_originals_are_sent_again_once_as_they_came(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    own = [letter(n, topic=stream.input) for n in (1, 2)]
    others = [letter(3, cut=True, topic=stream.input), letter(4, "empty_text", topic=stream.input), letter(5)]
    produce(stream.servers, stream.dead_letters, [*own, *others, NewRecord(b"none of ours", partition=0)])
    replay = ["dead-letters", "replay", "--reason=model_failed"]
    planned = orjson.loads(stream.worker().command(*replay, "--dry-run").stdout)
    assert read_topic(stream.servers, stream.input) == []
    done = stream.worker().command(*replay)
    assert done.returncode == 0, done.stderr
    figures = orjson.loads(done.stdout)
    assert figures == planned | {"dry_run": False}
    assert (figures["letters"], figures["replayed"], figures["filtered_out"]) == (6, 2, 2)
    assert figures["not_replayable"] == {"cut": 1, "no_dead_letter": 1}
    again = orjson.loads(stream.worker().command(*replay).stdout)
    assert (again["letters"], again["replayed"]) == (0, 0)
    sent = read_topic(stream.servers, stream.input, at_least=2)
    assert keys(sent) == [1, 2]
    assert sent[0].value == own[0].value
    assert (sent[0].partition, sent[0].headers) == (1, (("mine", b"1"),))


def test_a_replay_that_cannot_deliver_says_that_it_is_stuck(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"window_max_records": 100})
    produce(stream.servers, stream.dead_letters, [letter(number) for number in range(10_000)])
    target = create_topic(stream.servers, partitions=2)
    replay = stream.worker()
    with RunningReader(stream.servers, target) as reader, replay.start("dead-letters", "replay", f"--to={target}"):
        eventually(lambda: reader.records, 60, "the first ones are sent", interval_s=0.01)
        delete_topic(stream.servers, target)
        replay.wait_for("window_stuck")


def test_a_replay_that_is_killed_goes_on_without_repeating(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"window_max_records": 5000})
    count = 20_000
    grown = 2000  # windows grow from 64 on: by then one takes long enough to be killed in the middle of it
    produce(stream.servers, stream.dead_letters, [letter(number) for number in range(count)])
    target = create_topic(stream.servers, partitions=2)
    command = ["dead-letters", "replay", f"--to={target}"]
    with RunningReader(stream.servers, target) as reader, stream.worker().start(*command) as first:
        eventually(lambda: len(reader.records) > grown, 60, "windows are large", interval_s=0.01)
        first.kill()
    done = len(read_topic(stream.servers, target))
    assert grown < done < count, "killed too late to prove anything"
    again = stream.worker().command(*command)
    assert again.returncode == 0, again.stderr
    assert 0 < orjson.loads(again.stdout)["replayed"] <= count - done
    assert keys(read_topic(stream.servers, target, at_least=count)) == list(range(count))
