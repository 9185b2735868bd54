"""The figures of a split whose texts have any number of labels."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_recall_fscore_support
from transformers import EvalPrediction

from trainer.evaluation.metrics import metrics_of
from trainer.evaluation.multi_label import as_table, multi_label_metrics

NAMES = ["anger", "joy", "grief", "never"]


def random_split(texts: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Logits that know something, and flags of labels from frequent to absent."""
    rng = np.random.default_rng(1)
    flags = (rng.random((texts, 4)) < [0.4, 0.2, 0.02, 0]).astype(float)
    return 3 * flags - 2 + rng.normal(size=flags.shape), flags


@pytest.mark.filterwarnings("ignore:.*ill-defined")
def test_figures_are_those_of_scikit_learn() -> None:
    logits, flags = random_split()
    thresholds = np.array([0.5, 0.3, 0.1, 0.6])

    measured = multi_label_metrics(logits, flags, NAMES, thresholds)

    given = expit(logits) >= thresholds
    precision, recall, f1, support = precision_recall_fscore_support(flags, given, zero_division=0.0)
    labels = list(measured.labels.values())
    assert [label.precision for label in labels] == pytest.approx(precision)
    assert [label.recall for label in labels] == pytest.approx(recall)
    assert [label.f1 for label in labels] == pytest.approx(f1)
    assert [label.support for label in labels] == support.tolist()
    assert measured.macro_f1 == pytest.approx(f1_score(flags, given, average="macro", zero_division=0.0))
    assert measured.accuracy == accuracy_score(flags, given)
    losses = [log_loss(flags[:, label], expit(logits[:, label]), labels=[0, 1]) for label in range(4)]
    assert measured.loss == pytest.approx(np.mean(losses))


def test_a_labels_calibration_error_is_the_mean_gap_of_score_and_share() -> None:
    logits = np.log([[0.2 / 0.8], [0.2 / 0.8], [0.9 / 0.1], [0.9 / 0.1]])

    measured = multi_label_metrics(logits, np.array([[0], [0], [1], [0]]), ["calm"])

    assert measured.labels["calm"].ece == pytest.approx((0.2 + 0.4) / 2)
    assert measured.ece == measured.labels["calm"].ece


def test_the_figures_of_an_epoch_are_those_of_the_flags_with_one_half_as_threshold() -> None:
    logits, flags = random_split()

    measured = metrics_of(EvalPrediction(predictions=logits, label_ids=flags), NAMES)

    assert measured == multi_label_metrics(logits, flags, NAMES, 0.5)


def test_a_share_counts_in_the_loss_as_it_is() -> None:
    measured = multi_label_metrics(np.array([[0.0, 2.0]]), np.array([[0.25, 1.0]]), ["calm", "joy"])

    assert measured.loss == pytest.approx((np.log(2) + np.log1p(np.exp(-2))) / 2)
    assert measured.labels["calm"].support == 0


def test_the_table_shows_every_label_with_its_threshold() -> None:
    logits, flags = np.array([[1.0, -1.0], [0.0, 1.0]]), np.array([[1, 0], [1, 1]])
    metrics = multi_label_metrics(logits, flags, ["calm", "very angry"])

    lines = [line.split() for line in as_table(metrics, {"calm": 0.5, "very angry": 0.25}).splitlines()]

    assert lines[:3] == [["rows", "2"], ["loss", "0.4082"], ["all", "labels", "right", "1.0000"]]
    assert lines[-2] == ["calm", "0.5000", "1.0000", "1.0000", "1.0000", "0.3845", "2"]
    assert lines[-1] == ["very", "angry", "0.2500", "1.0000", "1.0000", "1.0000", "0.2689", "1"]
