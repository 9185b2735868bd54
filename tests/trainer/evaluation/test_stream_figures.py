"""How right a model is on a stream whose right labels are known, by samples of it."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from tests.benchmarks.interval_coverage import covered
from tests.harness.answered_stream import AnsweredStream, answer_records, answered_stream, drawn
from tests.harness.tiny_model import LABELS
from tests.trainer.conftest import write_json_lines
from trainer.data.reviews import load_reviews
from trainer.errors import UserError
from trainer.evaluation.agreement import agreement
from trainer.evaluation.stream_figures import StreamFigures, stream_figures
from trainer.evaluation.stream_sample import stream_sample
from trainer.evaluation.weighted_f1 import weighted_f1
from trainer.evaluation.weighted_share import weighted_share

OVER_DRAWN = 10


@pytest.fixture(scope="module")
def stream() -> AnsweredStream:
    return answered_stream(2.0, 1.8)


def figures_of(stream: AnsweredStream, answers: int, folder: Path, seed: int = 1) -> StreamFigures:
    probabilities = stream.probabilities(OVER_DRAWN)
    indices = drawn(probabilities, answers, np.random.default_rng(seed))
    file = str(write_json_lines(folder / "answers.jsonl", answer_records(stream, probabilities, indices)))
    return stream_figures(stream_sample(load_reviews([file]), None), "answers.jsonl")


def test_intervals_hold_at_200_answers_of_which_too_many_are_not_confident(stream: AnsweredStream) -> None:
    found = covered(stream, OVER_DRAWN, answers=200, runs=300)

    for name, (_, coverage, _) in found.items():
        assert coverage >= 0.92, name  # of 300 runs; tests/benchmarks/interval_coverage.py has 1,000
    assert found["accuracy"][1] <= 0.98  # an interval that always holds is too wide


def test_the_estimate_is_of_the_stream_and_not_of_the_sample(stream: AnsweredStream, tmp_path: Path) -> None:
    right = stream.right == stream.given
    probabilities = stream.probabilities(OVER_DRAWN)
    of_sample = np.average(right, weights=probabilities)

    figures = figures_of(stream, 3000, tmp_path)

    assert abs(figures.figures["accuracy"].value - right.mean()) < 0.03
    assert right.mean() - of_sample > 0.1
    assert abs(figures.figures["confident"].value - stream.confident.mean()) < 0.03


def test_an_even_sample_has_the_interval_of_wilson() -> None:
    found = weighted_share(np.full(200, 7.0), np.arange(200) < 190)

    assert found is not None
    assert (found.value, round(found.low, 4), round(found.high, 4)) == (0.95, 0.9104, 0.9726)


def test_a_sample_without_a_mistake_is_not_sure_of_all() -> None:
    found = weighted_share(np.repeat([1000.0, 100.0], 100), np.ones(200))

    assert found is not None
    assert found.high == 1
    assert 0.95 < found.low < 0.98


def test_macro_f1_is_that_of_scikit_learn_with_weights(stream: AnsweredStream) -> None:
    indices = drawn(stream.probabilities(OVER_DRAWN), 5000, np.random.default_rng(2))
    weights, right, given = 1 / stream.probabilities(OVER_DRAWN)[indices], stream.right[indices], stream.given[indices]

    found = weighted_f1(weights, np.eye(6)[right], np.eye(6)[given]).macro()

    assert found.value == pytest.approx(f1_score(right, given, average="macro", sample_weight=weights), abs=2e-3)


def test_so_many_more_answers_make_the_interval_two_points(stream: AnsweredStream, tmp_path: Path) -> None:
    few = figures_of(stream, 400, tmp_path)

    many = figures_of(stream, 400 + few.more_answers["accuracy"], tmp_path, seed=2)

    accuracy = many.figures["accuracy"]
    assert (accuracy.high - accuracy.low) / 2 == pytest.approx(0.02, rel=0.15)


def test_confusions_come_with_what_they_are_of_the_stream(stream: AnsweredStream, tmp_path: Path) -> None:
    figures = figures_of(stream, 2000, tmp_path)
    worst = figures.confusions[0]
    of_kind = (stream.right == LABELS.index(worst.right)) & (stream.given == LABELS.index(worst.given))

    assert worst.right != worst.given
    assert worst.share.low <= of_kind.mean() <= worst.share.high
    assert [each.share.value for each in figures.confusions] == sorted(
        (each.share.value for each in figures.confusions), reverse=True
    )


def test_what_cannot_be_weighed_or_judged_is_left_out_and_counted(stream: AnsweredStream, tmp_path: Path) -> None:
    records = answer_records(stream, stream.probabilities(1), np.arange(6))
    records[0] |= {"probability": None}
    records[1] |= {"probability": 0}
    records[2] |= {"answer": "neutral"}
    records[3] |= {"label": None}
    reviews = load_reviews([str(write_json_lines(tmp_path / "a.jsonl", records))])

    sample = stream_sample(reviews, None)

    assert len(sample.reviews) == 2
    assert sample.left_out == {
        "texts without the probability of being drawn": 2,
        "texts that people call 'neutral', which is no label of the model": 1,
        "texts without the model's label": 1,
    }


def test_where_no_answer_can_be_used_it_is_said_why(stream: AnsweredStream, tmp_path: Path) -> None:
    records = [each | {"probability": ""} for each in answer_records(stream, stream.probabilities(1), np.arange(3))]
    reviews = load_reviews([str(write_json_lines(tmp_path / "a.jsonl", records))])

    with pytest.raises(UserError, match=r"a\.jsonl: no answer can be used \(texts without the probability.*: 3\)"):
        stream_sample(reviews, None)


def test_labels_of_several_models_are_told_apart(stream: AnsweredStream, tmp_path: Path) -> None:
    records = answer_records(stream, stream.probabilities(1), np.arange(40))
    for number, record in enumerate(records):
        record["model"] = f"tiny@{number % 2}"
    reviews = load_reviews([str(write_json_lines(tmp_path / "a.jsonl", records))])

    figures = stream_figures(stream_sample(reviews, None), "a.jsonl")

    assert {name: texts for name, (texts, _) in figures.models.items()} == {"tiny@0": 20, "tiny@1": 20}


def test_without_scores_there_is_no_calibration(stream: AnsweredStream, tmp_path: Path) -> None:
    records = [each | {"score": None} for each in answer_records(stream, stream.probabilities(1), np.arange(40))]
    reviews = load_reviews([str(write_json_lines(tmp_path / "a.jsonl", records))])

    assert "ECE" not in stream_figures(stream_sample(reviews, None), "a.jsonl").figures


def votes_of(*observers: str) -> list[dict[str, str]]:
    """Votes by text, from what each observer said of all; a dot is no answer."""
    of_texts = zip(*observers, strict=True)
    return [{str(who): vote for who, vote in enumerate(votes) if vote != "."} for votes in of_texts]


def test_alpha_is_that_of_its_author() -> None:
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C.
    found = agreement(votes_of("123321412...", "1233224125.3", ".3332342251.", "12332441251."))

    assert found is not None
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert (found.annotators, found.texts, found.ties) == (4, 11, 1)


def test_kappa_is_that_of_scikit_learn() -> None:
    first, second = "aabbccabcabc", "aabbccbbaaac"

    found = agreement(votes_of(first, second))

    assert found is not None
    assert found.kappas == {"0 and 1": pytest.approx(cohen_kappa_score(list(first), list(second)))}


def test_agreement_is_not_known_of_one_annotator_or_one_label() -> None:
    assert agreement(votes_of("abc", "...")) is None
    same = agreement(votes_of("aaa", "aaa"))
    assert same is not None
    assert (same.alike, same.alpha) == (1, None)
