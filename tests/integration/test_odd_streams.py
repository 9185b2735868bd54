"""Streams of which not every record is one text: skipped records, change data capture, several texts in a record."""

from collections.abc import Callable

import orjson
import pytest

from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, RunningReader, StoredRecord
from tests.integration.conftest import Stream, identities


def sent(value: object, key: bytes | None = b"k", partition: int = 0) -> NewRecord:
    content = value if isinstance(value, bytes | None) else orjson.dumps(value)
    return NewRecord(content, key, (("trace", b"1"),), partition=partition)


def said(letter: StoredRecord) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in letter.headers if name.startswith("dead-letter-")}


def events(names: list[str]) -> list[NewRecord]:
    """Of each name a post, among likes and posts without a text; names go to two partitions in turns."""
    found = []
    for number, name in enumerate(names):
        like = sent({"kind": "like", "subject": name}, partition=number % 2)
        found += [like] * 19
        found += [sent({"id": name, "kind": "post", "text": f"i feel fine {name}"}, partition=number % 2)]
        found += [sent({"id": name, "kind": "post"}, partition=number % 2)]
    return found


def test_of_a_firehose_only_what_is_meant_is_labelled_and_a_kill_repeats_nothing(
    make_stream: Callable[..., Stream], endpoint: Endpoint
) -> None:
    settings = {"delivery": "exactly_once", "only_if": "kind=post", "without_text": "skip", "window_max_records": 50}
    stream = make_stream(settings=settings)
    names = [f"p{number}" for number in range(100)]
    stream.produce(events(names[:50]))
    with stream.worker() as worker:
        stream.labels(10)
        worker.kill()
    stream.produce(events(names[50:]))
    stream.produce([sent({"kind": "like"})] * 500)
    with stream.worker(http_port=endpoint.port) as worker:
        stream.wait_until_read()
        assert endpoint.value("emotion_skipped_total", reason="condition") >= 500
        assert endpoint.value("emotion_skipped_total", reason="without_text") > 0
        assert endpoint.value("emotion_tombstones_total") == 0
        assert worker.terminate() == 0
    labels = stream.labels(100)
    for partition in (0, 1):
        assert identities([label for label in labels if label.partition == partition]) == names[partition::2]
    assert not stream.letters(0)


def test_more_than_the_guard_allows_may_be_skipped_but_not_refused(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"without_text": "skip", "max_rejected_percent": 50})
    stream.produce([sent({"id": "1", "text": "i feel fine"}), *[sent({})] * 2000])
    with stream.worker() as worker:
        stream.wait_until_read()
        assert worker.terminate() == 0
    assert identities(stream.labels(1)) == ["1"]


def test_a_text_that_debezium_did_not_send_leaves_the_right_label_alone(stream: Stream, endpoint: Endpoint) -> None:
    unchanged = "__debezium_unavailable_value"
    stream.settings |= {"text_field": "body"}
    stream.produce(
        [
            sent({"id": 7, "body": "i feel fine", "status": "new"}, b"7"),
            sent({"id": 7, "body": unchanged, "status": "closed"}, b"7"),
            sent({"id": 8, "body": "i am so angry", "status": "new", "__deleted": "false"}, b"8"),
            sent({"id": 8, "body": "i am so angry", "status": "new", "__deleted": "true"}, b"8"),
        ]
    )
    with stream.worker(http_port=endpoint.port) as worker:
        stream.wait_until_read()
        assert endpoint.value("emotion_skipped_total", reason="unchanged_text") == 1
        assert worker.terminate() == 0
    first, second, deleted = stream.labels(3)
    assert identities([first, second]) == ["7", "8"]
    assert (deleted.key, deleted.value) == (b"8", None)
    assert not stream.letters(0)


@pytest.mark.parametrize("split", ["array", "lines"])
def test_each_text_of_a_record_has_a_label_and_a_kill_repeats_none(
    make_stream: Callable[..., Stream], split: str
) -> None:
    stream = make_stream(settings={"delivery": "exactly_once", "split": split, "window_max_records": 5})
    between, around = (b",", b"[%b]") if split == "array" else (b"\n", b"%b\n")
    wholes = [
        around % between.join(orjson.dumps({"text": f"i feel fine {number} {part}"}) for part in range(20))
        for number in range(100)
    ]
    broken = around % between.join([b'{"text": "good"}', b'{"text": 1}', b'"better"'])
    records = [sent(whole, partition=number % 2) for number, whole in enumerate([*wholes, broken])]
    places = stream.produce(records[:50])
    with RunningReader(stream.servers, stream.output) as reader, stream.worker() as worker:
        eventually(lambda: reader.records, 90, "the first labels are out", interval_s=0.01)
        worker.kill()
    places += stream.produce(records[50:])
    with stream.worker() as worker:
        stream.wait_until_read()
        assert worker.terminate() == 0
    labels, (letter,) = stream.labels(2002), stream.letters(1)
    for number in (0, 1):
        expected = [
            f"{stream.input}-{partition}-{offset}-{part}"
            for (partition, offset), whole in zip(places, [*wholes, broken], strict=True)
            for part in (range(20) if whole is not broken else (0, 2))
            if partition == number
        ]
        found = [label for label in labels if label.partition == number]
        assert identities(found) == expected
        assert {(label.key, label.headers[0]) for label in found} == {(b"k", ("trace", b"1"))}
    assert letter.value == b'{"text":1}' if split == "array" else b'{"text": 1}'
    assert said(letter)["dead-letter-origin"] == f"{stream.input}-0-{places[-1][1]}"
    assert said(letter)["dead-letter-part"] == "1"
    assert said(letter)["dead-letter-reason"] == "wrong_type"
