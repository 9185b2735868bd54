"""Calibration and thresholds of labels that each stand for themselves."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, precision_recall_curve

from trainer.evaluation.label_calibration import fit_scaling, fold_scaling, scaled
from trainer.evaluation.label_fitting import LEAST_TEXTS, cross_fitted, fit_labels
from trainer.evaluation.label_thresholds import best_expected, fit_thresholds
from trainer.evaluation.resampling import halves

BOTH = (True, True)


def split_of(shares: list[float], texts: int = 2000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are too certain and too high, and the flags of labels of these shares."""
    rng = np.random.default_rng(seed)
    flags = rng.random((texts, len(shares))) < shares
    true = np.log(shares) - np.log1p(-np.array(shares)) + 2 * (flags - np.array(shares)) + rng.normal(size=flags.shape)
    return 2 * true + 1.5, flags


def all_of(labels: int, *, own: bool) -> np.ndarray:
    return np.full(labels, own)


def test_scale_and_shift_are_those_of_a_logistic_regression_on_platts_targets() -> None:
    logits, flags = split_of([0.3])
    positives = flags.sum()
    low, high = 1 / (len(flags) - positives + 2), (positives + 1) / (positives + 2)
    targets = np.where(flags[:, 0], high, low)
    twice = LogisticRegression(C=np.inf, tol=1e-8).fit(
        np.vstack([logits, logits]), np.repeat([1, 0], len(logits)), np.concatenate([targets, 1 - targets])
    )

    (scale,), (shift,) = fit_scaling(logits, flags, all_of(1, own=True), BOTH)

    assert scale == pytest.approx(twice.coef_[0, 0], rel=1e-3)
    assert shift == pytest.approx(twice.intercept_[0], abs=1e-3)


def test_a_folded_layer_gives_the_scaled_logits() -> None:
    torch.manual_seed(1)
    layer, features = torch.nn.Linear(8, 3), torch.randn(5, 8)
    before = layer(features).detach().numpy()
    scaling = np.array([[0.5, 1, 2], [-1, 0, 0.25]])

    fold_scaling(layer, scaling)

    assert layer(features).detach().numpy() == pytest.approx(scaled(before, scaling), abs=1e-5)


def test_a_layer_without_a_bias_gets_no_shift() -> None:
    layer = torch.nn.Linear(8, 1, bias=False)
    logits, flags = split_of([0.3])

    _, fits = fit_labels(layer, logits, flags.astype(float), ["joy"])

    assert fits.labels["joy"].shift == 0
    assert fits.labels["joy"].scale != 1


def test_scores_are_believed_more_after_than_before() -> None:
    logits, flags = split_of([0.4, 0.2, 0.1])

    _, fits = fit_labels(torch.nn.Linear(8, 3), logits, flags.astype(float), ["anger", "joy", "fear"])

    assert all(label.ece_after < label.ece_before / 2 for label in fits.labels.values())
    assert fits.loss_after < fits.loss_before


def test_a_threshold_has_the_best_f1_to_be_expected() -> None:
    scores = expit(np.random.default_rng(1).normal(-2, 1.5, size=500))

    threshold = best_expected(scores)

    def expected(least: float) -> float:
        kept = scores >= least
        return float(2 * scores[kept].sum() / (kept.sum() + scores.sum()))

    assert expected(threshold) == max(expected(least) for least in scores)


def test_thresholds_come_close_to_the_best_f1_that_there_is() -> None:
    logits, flags = split_of([0.4, 0.2, 0.05])
    scores = expit(logits)

    thresholds = fit_thresholds(logits, flags, all_of(3, own=True))

    assert thresholds.tolist() == thresholds.round(4).tolist()
    for label in range(3):
        precision, recall, _ = precision_recall_curve(flags[:, label], scores[:, label])
        best = (2 * precision * recall / np.maximum(precision + recall, 1e-9)).max()
        assert f1_score(flags[:, label], scores[:, label] >= thresholds[label]) > best - 0.03


def test_a_rare_label_takes_no_threshold_from_its_few_texts() -> None:
    logits, flags = split_of([0.3, 0.2, 0.3])
    flags[:, 2] = False
    flags[:3, 2] = True
    logits[:3, 2] = logits[:, 2].max() + 5  # all three stand above every other text: alone, they would ask for 0.9999

    thresholds, fits = fit_labels(None, logits, flags.astype(float), ["anger", "joy", "grief"])

    assert [label.shared for label in fits.labels.values()] == [False, False, True]
    assert 0.1 < thresholds[2] < 0.9
    assert fits.least_texts == LEAST_TEXTS


def test_where_nothing_can_be_folded_the_scores_stay_and_thresholds_are_found() -> None:
    logits, flags = split_of([0.3, 0.2])

    thresholds, fits = fit_labels(None, logits, flags.astype(float), ["anger", "joy"])

    assert [(label.scale, label.shift) for label in fits.labels.values()] == [(1, 0)] * 2
    assert fits.loss_after == pytest.approx(fits.loss_before)
    assert thresholds.min() > 0.5, "the scores are too high"


def test_a_half_is_measured_by_what_the_other_taught() -> None:
    (first, second), _ = halves(200)
    flags = np.random.default_rng(1).random((200, 1)) < 0.5
    logits = np.where(flags, 1.0, -1.0)
    logits[second] += 10  # each half is told without a mistake, but by another threshold

    _, given = cross_fitted(logits, flags, all_of(1, own=True), BOTH)

    assert not given[first].any()
    assert given[second].all()
