"""Two models' labels of a text: when they disagree, what leaves, and what is counted."""

import logging
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from schemas.dead_letter import Reason
from schemas.disagreement import Disagreement
from schemas.emotion_label import EmotionLabel, ModelName, Source
from worker.flow import AnsweredRecord, ModelInfo, Outcome, Prediction, Refusals, Rejected, Request
from worker.messages.comparison import Comparer, Comparison
from worker.messages.target import Target

ONE = ModelInfo("new", "2", ["sad", "glad"], confident_score=0.8)
SEVERAL = ModelInfo("new", "2", ["sad", "glad"], None, thresholds=[0.5, 0.5])


def answered(
    label: str = "glad", labels: list[str] | None = None, confident: bool | None = True, **fields: Any
) -> AnsweredRecord:
    source = Source("in", 3, 17, 1_764_000_000_000)
    live = EmotionLabel(
        1,
        fields.get("id", "m1"),
        label,
        0.7,
        confident,
        {label: 0.7},
        3,
        False,
        ModelName("old", "1"),
        source,
        7,
        {},
        labels,
    )
    return AnsweredRecord(source, b"key", b"value", [], label=live, answer=Source("out", 3, 15, None))


def predicted(scores: Sequence[float], index: int = 0) -> Prediction:
    return Prediction(Request(index, "m1", "text", None), 3, False, list(scores))


def compare(
    record: AnsweredRecord,
    scores: Sequence[float],
    model: ModelInfo = ONE,
    limit: int = 1_000_000,
    refusals: Refusals | None = None,
) -> tuple[list[Outcome], Comparison]:
    comparison = Comparison()
    comparer = Comparer(model, Target("disputed", limit), lambda: 42, refusals or Refusals(), comparison)
    return comparer.encode([record], [predicted(scores)]), comparison


def read(outcome: Outcome) -> Disagreement:
    return TypeAdapter(Disagreement).validate_json(outcome.value or b"")


def test_the_same_label_leaves_nothing_whatever_its_score() -> None:
    outcomes, comparison = compare(answered("glad"), [0.4, 0.6])
    assert outcomes == []
    assert comparison.pairs == {("glad", "glad"): 1}
    assert comparison.score_gaps == pytest.approx([-0.1])
    assert comparison.confident == {(True, False): 1}


def test_another_label_leaves_both_to_the_partition_and_key_of_the_text() -> None:
    (outcome,), comparison = compare(answered("glad"), [0.9, 0.1])
    assert (outcome.topic, outcome.partition, outcome.key, outcome.timestamp_ms) == ("disputed", 3, b"key", None)
    found = read(outcome)
    assert (found.origin, found.id) == ("in-3-17", "m1")
    assert (found.live.label, found.live.model.name, found.live.labelled_at_ms) == ("glad", "old", 7)
    assert (found.challenger.label, found.challenger.score, found.challenger.confident) == ("sad", 0.9, True)
    assert (found.challenger.model.revision, found.challenger.labelled_at_ms) == ("2", 42)
    assert comparison.disagreements == {("glad", "sad"): 1}


@pytest.mark.parametrize(
    ("record", "scores", "agree"),
    [
        (answered("glad", ["glad", "sad"]), [0.9, 0.6], True),  # the order does not count
        (answered("glad", ["glad"]), [0.6, 0.7], False),  # the same best one
        (answered("glad", []), [0.1, 0.2], True),
        (answered("glad", []), [0.1, 0.6], False),
        (answered("glad"), [0.1, 0.6], True),  # of a model that gives one
    ],
)
def test_of_a_multi_label_model_the_sets_count(record: AnsweredRecord, scores: list[float], agree: bool) -> None:
    outcomes, _ = compare(record, scores, SEVERAL)
    assert (outcomes == []) == agree


def test_confidence_is_compared_only_where_both_models_have_a_threshold() -> None:
    _, comparison = compare(answered(confident=None), [0.1, 0.9])
    assert comparison.confident == {}


def test_what_the_topic_does_not_take_loses_its_id_or_is_left_out_and_told(caplog: pytest.LogCaptureFixture) -> None:
    (outcome,), _ = compare(answered("glad", id="x" * 5_000), [0.9, 0.1], limit=2_000)
    assert read(outcome).id is None
    with caplog.at_level(logging.WARNING):
        outcomes, comparison = compare(answered("glad"), [0.9, 0.1], limit=300)
    assert (outcomes, comparison.disagreements.total()) == ([], 1)
    assert [record.message for record in caplog.records] == ["disagreement_left_out"]


def test_what_brokers_refuse_is_left_out_and_counted() -> None:
    record, refusals = answered("glad"), Refusals()
    refusals[Refusals.key("disputed", record)] = "no"
    outcomes, comparison = compare(record, [0.9, 0.1], refusals=refusals)
    assert (outcomes, comparison.disagreements.total()) == ([], 1)


def test_a_text_that_the_challenger_gives_no_label_is_counted_and_not_compared() -> None:
    comparison = Comparison()
    comparer = Comparer(ONE, Target("disputed", 1_000_000), lambda: 42, Refusals(), comparison)
    records = [answered(), answered(), answered()]  # the last is skipped
    outcomes = comparer.encode(records, [predicted([0.9, 0.1]), Rejected(1, Reason.MODEL_FAILED, "")])
    assert [outcome.index for outcome in outcomes] == [0]
    assert comparison.unmatched == {"not_labelled": 2}
    assert orjson.loads(outcomes[0].value or b"")["schema_version"] == 1
