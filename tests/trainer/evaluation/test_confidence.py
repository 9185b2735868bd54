"""The score from which a label counts as confident."""

import numpy as np
import pytest

from trainer.evaluation.confidence import confident_metrics, coverage_curve, cross_fitted_confidence, suggest_threshold


def ranked(
    right: str,
) -> tuple["np.ndarray[tuple[int], np.dtype[np.float64]]", "np.ndarray[tuple[int], np.dtype[np.bool_]]"]:
    """Texts in the order of falling scores, `1` for each whose label is right."""
    return np.linspace(0.99, 0.5, len(right)), np.array([mark == "1" for mark in right])


def test_the_curve_counts_what_each_score_keeps() -> None:
    thresholds, coverage, accuracy = coverage_curve(
        np.array([0.7, 0.90004, 0.5, 0.90001]), np.array([False, True, True, True])
    )

    # Both of the highest lie above 0.9, the four digits that are written down.
    assert thresholds == pytest.approx([0.9, 0.7, 0.5])
    assert coverage == pytest.approx([2 / 4, 3 / 4, 1])
    assert accuracy == pytest.approx([1, 2 / 3, 3 / 4])


def test_the_threshold_keeps_as_much_as_98_percent_allow() -> None:
    # 1 wrong of 50, then enough right ones to carry a second mistake, then more mistakes.
    scores, right = ranked("1" * 49 + "0" + "1" * 49 + "0" + "0" * 10)
    threshold = suggest_threshold(scores, right)

    assert threshold is not None
    kept = scores >= threshold
    assert kept.sum() == 100
    assert right[kept].mean() == 0.98


def test_a_threshold_holds_at_equal_scores() -> None:
    scores = np.array([0.9] * 60 + [0.8] * 4)
    right = np.array([True] * 60 + [True, False, False, False])

    assert suggest_threshold(scores, right) == pytest.approx(0.9)


@pytest.mark.parametrize("right", ["10" * 100, "1" * 48 + "0" * 100], ids=["no-better-than-half", "too-few-to-tell"])
def test_no_threshold_is_suggested_where_none_is_good(right: str) -> None:
    assert suggest_threshold(*ranked(right)) is None


def test_figures_at_a_threshold_are_those_of_what_it_keeps() -> None:
    metrics = confident_metrics(np.array([0.9, 0.8, 0.8, 0.3]), np.array([True, True, False, True]), 0.8)

    assert metrics.coverage.value == 3 / 4
    assert metrics.accuracy.value == pytest.approx(2 / 3)
    assert metrics.coverage.low < 3 / 4 < metrics.coverage.high


def test_a_cross_fitted_threshold_is_about_as_good_as_it_says() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.5, 1, size=20_000)
    right = rng.random(20_000) < scores  # calibrated: what is kept above t is right in (1 + t) / 2

    held_out = cross_fitted_confidence(scores, right)

    assert held_out is not None
    coverage, accuracy = held_out
    assert accuracy == pytest.approx(0.98, abs=0.01)
    assert coverage == pytest.approx((1 - 0.96) / 0.5, abs=0.03)
