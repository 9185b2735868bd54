"""What leaves for review: what of a text, of which texts, and to where."""

import logging
from collections.abc import Sequence

import orjson
import pytest
from pydantic import TypeAdapter

from schemas.dead_letter import Reason
from schemas.emotion_label import Source
from schemas.review_record import ReviewReason, ReviewRecord
from worker.flow import (
    Answer,
    Attention,
    ModelInfo,
    Outcome,
    Prediction,
    Record,
    Refusals,
    Rejected,
    Request,
    Reviews,
    Tombstone,
)
from worker.messages.encode import Encoder, LabelMaker
from worker.messages.review import Content, Reviewer, ReviewWriter
from worker.messages.review_draw import Allowance, Sampler, Strata
from worker.messages.target import Target

MODEL = ModelInfo("m", "sha256:00", ["sad", "glad"], confident_score=0.8)
MULTI = ModelInfo("m", "sha256:00", ["sad", "glad"], None, thresholds=[0.5, 0.5])
ALWAYS = dict.fromkeys(ReviewReason, 1.0)


def reviewer(
    model: ModelInfo = MODEL,
    content: Content = Content(),  # noqa: B008 - it is frozen
    limit: int = 1_000_000,
    refusals: Refusals | None = None,
    per_minute: int = 1_000,
) -> Reviewer:
    sampler = Sampler(Strata(model, 0.1), ALWAYS, Allowance(per_minute, lambda: 0.0), 0, Attention())
    write = ReviewWriter(Target("reviews", limit), content, lambda: 42, refusals or Refusals())
    return Reviewer(LabelMaker(model, lambda: 42), sampler, write, "out")


def record(offset: int, part: int | None = None) -> Record:
    return Record(Source("in", 3, offset, 1_764_000_000_000), b"their key", b"v", [("theirs", b"1")], part)


def predicted(records: Sequence[Record], text: str = "text", scores: Sequence[float] = (0.1, 0.9)) -> list[Prediction]:
    return [
        Prediction(Request(index, f"id-{index}", text, each.origin, {"lang": "en"}), 3, False, list(scores))
        for index, each in enumerate(records)
    ]


def review(records: list[Record], answers: Sequence[Answer], by: Reviewer, label_bytes: int = 1_000_000) -> Reviews:
    encoder = Encoder(MODEL, Target("out", label_bytes), Target("dead", 1_000_000), lambda: 42)
    return by.review(records, answers, encoder.encode(records, answers))


def read(outcome: Outcome) -> ReviewRecord:
    return TypeAdapter(ReviewRecord).validate_json(outcome.value or b"")


def test_a_review_has_its_texts_partition_and_label_and_nothing_else_of_the_record() -> None:
    records = [record(17)]
    (outcome,) = review(records, predicted(records), reviewer()).outcomes
    assert (outcome.topic, outcome.partition, outcome.key) == ("reviews", 3, b"in-3-17")
    assert (outcome.headers, outcome.timestamp_ms) == ([], None)
    assert orjson.loads(outcome.value or b"") == {
        "schema_version": 1,
        "origin": "in-3-17",
        "id": "id-0",
        "text": "text",
        "text_is_cut": False,
        "label": "glad",
        "score": 0.9,
        "confident": True,
        "scores": {"sad": 0.1, "glad": 0.9},
        "labels": None,
        "truncated": False,
        "model": {"name": "m", "revision": "sha256:00"},
        "source": {"topic": "in", "partition": 3, "offset": 17, "timestamp_ms": 1_764_000_000_000},
        "copied": {"lang": "en"},
        "reasons": ["random"],
        "probability": 1.0,
        "drawn_at_ms": 42,
    }


def test_a_multi_label_models_review_holds_the_labels_that_were_given() -> None:
    records = [record(1), record(2)]
    answers = [*predicted(records[:1], scores=(0.7, 0.9)), *predicted(records, scores=(0.1, 0.2))[1:]]
    both, none = map(read, review(records, answers, reviewer(MULTI)).outcomes)
    assert (both.labels, both.confident, both.reasons) == (["glad", "sad"], True, ["random"])
    assert (none.labels, none.label, none.confident, none.reasons) == ([], "glad", False, ["random", "not_confident"])


def test_the_texts_of_a_record_that_was_split_are_told_apart() -> None:
    records = [record(5, part=0), record(5, part=1)]
    reviews = review(records, predicted(records), reviewer())
    assert [read(outcome).origin for outcome in reviews.outcomes] == ["in-3-5-0", "in-3-5-1"]


def test_only_what_got_a_label_is_reviewed() -> None:
    records = [record(offset) for offset in range(4)]
    answers = predicted(records)
    answers[1].request.id = "x" * 5_000  # its label is too large for the topic
    mixed: list[Answer] = [*answers[:2], Rejected(2, Reason.EMPTY_TEXT, "nothing"), Tombstone(3)]
    reviews = review(records, mixed, reviewer(), label_bytes=3_000)
    assert [outcome.index for outcome in reviews.outcomes] == [0]
    assert reviews.reasons == {"random": 1}


def test_what_is_left_out_or_masked_does_not_leave() -> None:
    records = [record(1)]
    answers = predicted(records, text="mail anna@example.org, @bob")
    content = Content(masked=("email",), left_out=("id", "copied"))
    found = read(review(records, answers, reviewer(content=content)).outcomes[0])
    assert (found.text, found.id, found.copied) == ("mail [email], @bob", None, {})
    found = read(review(records, answers, reviewer(content=Content(left_out=("text",)))).outcomes[0])
    assert (found.text, found.id, found.copied) == (None, "id-0", {"lang": "en"})


@pytest.mark.parametrize("character", ["a", "\0", "😀"])
def test_a_text_that_is_too_large_loses_its_end(character: str) -> None:
    records = [record(1)]
    (outcome,) = review(records, predicted(records, text=character * 100_000), reviewer(limit=65_536)).outcomes
    found = read(outcome)
    assert found.text_is_cut
    assert found.text == character * 4_096
    assert len(outcome.value or b"") < 65_536


def test_what_the_topic_does_not_take_is_said_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    records = [record(1), record(2)]
    refusals = Refusals({Refusals.key("reviews", records[0]): "PolicyViolation: not so"})
    refusals[Refusals.key("out", records[1])] = "not this topic"
    with caplog.at_level(logging.WARNING):
        reviews = review(records, predicted(records, text="secret"), reviewer(refusals=refusals))
        none = review(records[1:], predicted(records[1:]), reviewer(limit=100))
    assert [outcome.index for outcome in reviews.outcomes] == [1]
    assert none.outcomes == []
    told = [(log.__dict__["origin"], log.__dict__["error"]) for log in caplog.records]
    assert told[0] == ("in-3-1", "PolicyViolation: not so")
    assert told[1][0] == "in-3-2"
    assert "100 bytes" in told[1][1]
    assert "secret" not in caplog.text


def test_those_held_back_by_the_bound_are_counted() -> None:
    records = [record(offset) for offset in range(1_000)]
    reviews = review(records, predicted(records), reviewer(per_minute=100))
    assert len(reviews.outcomes) == pytest.approx(100, abs=40)
    assert len(reviews.outcomes) + reviews.held_back == 1_000
    assert {read(outcome).probability for outcome in reviews.outcomes} == {0.1}
