"""Labels as CloudEvents in binary mode."""

from dataclasses import replace

import orjson
import pytest
from jsonschema import Draft202012Validator

from schemas.dead_letter import Reason
from schemas.emotion_label import Source
from schemas.published import documents
from worker.flow import ModelInfo, Outcome, Prediction, Record, Rejected, Request, Tombstone
from worker.messages.encode import Encoder
from worker.messages.target import Target

SOURCE = "//example.org/labels"
HEADERS: list[tuple[str, bytes | None]] = [
    ("ce_id", b"of the text"),
    ("ce_type", b"org.example.chat.message"),
    ("ce_subject", b"a chat"),
    ("content-type", b"application/json; charset=utf-8"),
    ("ce_traceparent", b"00-1"),
    ("mine", b"1"),
]
RECORD = Record(Source("in", 3, 17, 1_000), b"k", b"v", HEADERS)
LABEL = Prediction(Request(0, "id-1", "text", RECORD.origin, {"lang": "en"}), 3, truncated=False, scores=[0.1, 0.9])


def encode(answer: Prediction | Rejected | Tombstone, source: str | None, limit: int = 100_000) -> Outcome:
    model = ModelInfo("m", "sha256:00", ["sad", "glad"], None)
    encoder = Encoder(model, Target("out", limit), Target("dead", 100_000), lambda: 1_764_000_000_123, source)
    return encoder.encode([RECORD], [answer])[0]


def test_a_label_is_an_event_of_its_own_and_carries_the_trace_and_the_producers_headers() -> None:
    outcome = encode(LABEL, SOURCE)
    names = [name for name, _ in outcome.headers]
    assert len(names) == len(set(names))
    headers = {name: value.decode() for name, value in outcome.headers}
    assert headers == {
        "ce_traceparent": "00-1",
        "mine": "1",
        "ce_specversion": "1.0",
        "ce_id": "in-3-17",
        "ce_source": SOURCE,
        "ce_type": "emotion.label.v1",
        "ce_time": "2025-11-24T16:00:00.123Z",
        "ce_subject": "id-1",
        "content-type": "application/json",
    }
    Draft202012Validator(orjson.loads(documents()["cloudevent-headers.schema.json"])).validate(headers)
    assert orjson.loads(outcome.value or b"") == orjson.loads(encode(LABEL, None).value or b"")


@pytest.mark.parametrize("subject", ["", "a\nb", "\0", "a\x7f", "\x85", "\ufdd0", "\uffff", "\U0001ffff"])
def test_an_id_that_cannot_be_an_attribute_is_no_subject(subject: str) -> None:
    """CloudEvents 1.0.2 has no control characters in strings, nor code points that are no characters."""
    event = encode(replace(LABEL, request=replace(LABEL.request, id=subject)), SOURCE)
    assert "ce_subject" not in dict(event.headers)
    assert orjson.loads(event.value or b"")["id"] == subject


@pytest.mark.parametrize("subject", ["a b", "é😀", "\u200e\u202e", "\ufffd", "\U00010000"])
def test_any_other_id_is_the_subject(subject: str) -> None:
    event = encode(replace(LABEL, request=replace(LABEL.request, id=subject)), SOURCE)
    assert dict(event.headers)["ce_subject"] == subject.encode()


def test_without_the_setting_and_on_what_is_no_label_the_headers_stay_as_they_came() -> None:
    assert encode(LABEL, None).headers == [header for header in HEADERS if header[0] != "content-type"]
    assert encode(Tombstone(0), SOURCE).headers == HEADERS
    assert encode(Rejected(0, Reason.EMPTY_TEXT, ""), SOURCE).headers[: len(HEADERS)] == HEADERS


def test_what_a_label_carries_counts_for_its_size() -> None:
    big = replace(LABEL, request=replace(LABEL.request, copied={"lang": "x" * 5_000}))
    outcome = encode(big, SOURCE, limit=5_000)
    assert (outcome.topic, dict(outcome.headers)["dead-letter-reason"]) == ("dead", b"label_too_large")
    assert orjson.loads(encode(big, SOURCE).value or b"")["copied"] == {"lang": "x" * 5_000}
