"""Outcomes: what is sent for each answer, and how what is too large is cut."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from schemas.codec import encode_label
from schemas.dead_letter import Convention, Reason, letter_headers, without_letter
from schemas.emotion_label import EmotionLabel, Source
from worker.flow import ModelInfo, Outcome, Prediction, Record, Rejected, Request, Tombstone, in_order
from worker.messages.encode import Encoder
from worker.messages.target import Target

RELEASED = Path(__file__).parents[3] / "schemas/released/1/emotion-label.schema.json"
MODEL = ModelInfo("m", "sha256:00", ["sad", "glad"], confident_score=0.8)


def record(
    value: bytes | None = b"v", key: bytes | None = b"k", headers: list[tuple[str, bytes | None]] | None = None
) -> Record:
    return Record(Source("in", 3, 17, 1_764_000_000_000), key, value, headers or [])


def encoder(label_bytes: int = 1_000_000, letter_bytes: int = 1_000_000) -> Encoder:
    return Encoder(MODEL, Target("out", label_bytes), Target("dead", letter_bytes), lambda: 42)


def prediction(source: Record, scores: list[float]) -> Prediction:
    return Prediction(Request(0, "id-1", "text", source.origin), 3, truncated=True, scores=scores)


def encode(source: Record, answer: Prediction | Rejected | Tombstone, **limits: int) -> Outcome:
    (outcome,) = encoder(**limits).encode([source], [answer])
    return outcome


def wire_bytes(outcome: Outcome) -> int:
    headers = sum(len(name.encode()) + len(value) for name, value in outcome.headers)
    return len(outcome.key or b"") + len(outcome.value or b"") + headers


def test_a_label_keeps_key_partition_timestamp_and_headers() -> None:
    source = record(headers=[("traceparent", b"00-1"), ("null", None)])
    outcome = encode(source, prediction(source, [0.1, 0.9]))
    assert (outcome.topic, outcome.partition, outcome.key, outcome.timestamp_ms) == ("out", 3, b"k", 1_764_000_000_000)
    assert outcome.headers == [("traceparent", b"00-1"), ("null", b"")]
    assert outcome.value is not None
    label = orjson.loads(outcome.value)
    assert label["label"] == "glad"
    assert label["score"] == label["scores"]["glad"] == 0.9
    assert label["source"] == {"topic": "in", "partition": 3, "offset": 17, "timestamp_ms": 1_764_000_000_000}
    assert (label["tokens"], label["truncated"], label["labelled_at_ms"]) == (3, True, 42)


@pytest.mark.parametrize(("score", "confident"), [(0.79, False), (0.8, True)])
def test_a_label_is_confident_from_the_threshold_on(score: float, confident: bool) -> None:
    source = record()
    outcome = encode(source, prediction(source, [1 - score, score]))
    assert orjson.loads(outcome.value or b"")["confident"] is confident


def test_a_registrys_prefix_stands_before_labels_alone_and_the_schema_id_of_the_text_goes() -> None:
    headers: list[tuple[str, bytes | None]] = [("__value_schema_id", b"of the text"), ("mine", b"1")]
    label, letter, deleted = record(headers=headers), record(headers=headers), record(value=None)

    def write(label: EmotionLabel) -> bytes:
        return b"\0\0\0\0\7" + encode_label(label)

    prefixed = Encoder(MODEL, Target("out", 10**6), Target("dead", 10**6), lambda: 42, write_label=write)
    scored = prediction(label, [0.1, 0.9])
    answers = (scored, Rejected(1, Reason.EMPTY_TEXT, "nothing"), Tombstone(2))
    labelled, dead, tombstone = prefixed.encode([label, letter, deleted], answers)
    assert labelled.value == b"\0\0\0\0\7" + (encode(label, scored).value or b"")
    assert labelled.headers == [("mine", b"1")]
    assert (dead.value, dead.headers[:2], tombstone.value) == (b"v", headers, None)


def test_a_tombstone_is_passed_on() -> None:
    outcome = encode(record(value=None), Tombstone(0))
    assert (outcome.topic, outcome.key, outcome.value) == ("out", b"k", None)


def test_a_dead_letter_is_the_original_with_the_reason() -> None:
    source = record(value=b"\xff", headers=[("mine", b"1")])
    outcome = encode(source, Rejected(0, Reason.INVALID_UTF8, "byte 0"))
    headers = dict(outcome.headers)
    assert (outcome.topic, outcome.partition, outcome.key, outcome.value) == ("dead", 3, b"k", b"\xff")
    assert headers["mine"] == b"1"
    assert headers["dead-letter-reason"] == b"invalid_utf8"
    assert headers["dead-letter-origin"] == b"in-3-17"
    assert "dead-letter-original-bytes" not in headers


def test_a_dead_letter_is_named_by_kafkas_own_conventions_too_and_is_replayed_as_it_came() -> None:
    before: list[tuple[str, bytes | None]] = [("__streams.errors.topic", b"of another program"), ("mine", b"1")]
    name = partial(letter_headers, conventions=[Convention.STREAMS, Convention.SHARE_GROUPS], group_id="g-1")
    source = record(value=b"\xff", headers=before)
    named = Encoder(MODEL, Target("out", 10**6), Target("dead", 10**6), lambda: 42, letter_headers=name)
    (outcome,) = named.encode([source], [Rejected(0, Reason.INVALID_UTF8, "byte 0")])
    said = dict(outcome.headers)
    place = {"topic": b"in", "partition": b"3", "offset": b"17"}
    streams = place | {"exception": b"invalid_utf8", "message": b"byte 0"}
    share_groups = place | {"group": b"g-1", "message": b"invalid_utf8: byte 0"}
    assert {key: value for key, value in said.items() if key.startswith("__streams.")} == {
        f"__streams.errors.{key}": value for key, value in streams.items()
    }
    assert {key: value for key, value in said.items() if key.startswith("__dlq.")} == {
        f"__dlq.errors.{key}": value for key, value in share_groups.items()
    }
    assert said["dead-letter-reason"] == b"invalid_utf8"
    again = replace(outcome, headers=[*outcome.headers, ("traceparent", b"t")])
    assert without_letter(again.headers) == [*before, ("traceparent", b"t")]


def test_null_key_with_null_value_becomes_an_empty_value() -> None:
    outcome = encode(record(key=None, value=None), Rejected(0, Reason.NULL_KEY_AND_VALUE, "both"))
    assert (outcome.key, outcome.value) == (None, b"")


def test_a_label_that_is_too_large_becomes_a_dead_letter() -> None:
    source = record(headers=[("big", b"x" * 5000)])
    outcome = encode(source, prediction(source, [0.1, 0.9]), label_bytes=4096)
    assert outcome.topic == "dead"
    assert dict(outcome.headers)["dead-letter-reason"] == b"label_too_large"


def test_a_tombstone_that_is_too_large_becomes_a_dead_letter() -> None:
    outcome = encode(record(value=None, key=b"k" * 5000), Tombstone(0), label_bytes=4096)
    assert outcome.topic == "dead"


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        (record(value=b"v" * 9000, headers=[("mine", b"1")]), {"key", "headers", "value"}),
        (record(value=b"v" * 9000, headers=[("mine", b"1" * 9000)]), {"key", "value"}),
        (record(value=b"v" * 9000, key=b"k" * 9000), {"key"}),
    ],
    ids=["value", "headers", "key"],
)
def test_a_dead_letter_is_cut_to_what_the_topic_takes(source: Record, kept: set[str]) -> None:
    outcome = encode(source, Rejected(0, Reason.INVALID_JSON, "d"), letter_bytes=4096)
    headers = dict(outcome.headers)
    assert wire_bytes(outcome) <= 4096
    assert outcome.key
    assert source.key is not None
    assert source.key.startswith(outcome.key)
    assert bool(outcome.value) == ("value" in kept)
    assert ("mine" in headers) == ("headers" in kept)
    original = len(source.key) + 9000 + sum(len(name) + len(value or b"") for name, value in source.headers)
    assert int(headers["dead-letter-original-bytes"]) == original


@pytest.mark.parametrize("indexes", [[0, 2], [0, 1, 1], [0, 1, 2, 3]])
def test_outcomes_that_do_not_answer_each_record_once_end_the_process(indexes: list[int]) -> None:
    outcomes = [Outcome(index, "out", 0, None, b"", [], None) for index in indexes]
    with pytest.raises(RuntimeError, match="one to one"):
        in_order(outcomes, 3)


def test_outcomes_leave_in_the_order_of_their_records() -> None:
    outcomes = [Outcome(index, "out", 0, None, b"", [], None) for index in (2, 0, 1)]
    assert [outcome.index for outcome in in_order(outcomes, 3)] == [0, 1, 2]


def test_a_multi_label_model_gives_the_labels_that_reach_their_thresholds_the_best_first() -> None:
    model = ModelInfo("m", "sha256:00", ["sad", "glad", "calm", "proud"], None, [0.2, 0.9, 0.3, 0.3])
    several = Encoder(model, Target("out", 10**6), Target("dead", 10**6), lambda: 42)

    def label(scores: list[float]) -> dict[str, Any]:
        (outcome,) = several.encode([record()], [prediction(record(), scores)])
        found: dict[str, Any] = orjson.loads(outcome.value or b"")
        return found

    given = label([0.2, 0.89, 0.7, 0.7])
    assert (given["labels"], given["confident"]) == (["calm", "proud", "sad"], True)
    assert (given["label"], given["score"]) == ("glad", 0.89)  # the best, although it misses a higher threshold
    assert given["scores"] == {"sad": 0.2, "glad": 0.89, "calm": 0.7, "proud": 0.7}
    none = label([0.19, 0.1, 0.29, 0.0])
    assert (none["labels"], none["confident"], none["label"]) == ([], False, "calm")


@pytest.mark.parametrize("thresholds", [None, [0.5, 0.5]], ids=["one label", "several labels"])
def test_readers_of_the_released_contract_take_each_label(thresholds: list[float] | None) -> None:
    model = ModelInfo("m", "sha256:00", ["sad", "glad"], 0.8, thresholds)
    source = record()
    (outcome,) = Encoder(model, Target("out", 10**6), Target("dead", 10**6), lambda: 42).encode(
        [source], [prediction(source, [0.6, 0.7])]
    )
    label = orjson.loads(outcome.value or b"")
    Draft202012Validator(orjson.loads(RELEASED.read_bytes())).validate(label)
    assert label["labels"] == (["glad", "sad"] if thresholds else None)
