"""The score from which a label counts as confident."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import ConfidentMetrics
from trainer.evaluation.resampling import estimates, halves

ACCURACY_GOAL = 0.98
"""Share of the confident labels that are right."""
LEAST_KEPT = 50
"""Of fewer texts, 98 % cannot be told from 100 %."""
_DIGITS = 4


def coverage_curve(scores: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Returns thresholds, the share of texts each keeps, and the accuracy of those, highest threshold first.

    El-Yaniv and Wiener 2010, "On the Foundations of Noise-free Selective Classification". A threshold is each score
    that occurs, cut to four digits, so that the figures are exactly those of the threshold that is written down.

    Args:
        scores: The highest score of each text, of shape [texts].
        right: Whether its label is right, of shape [texts].
    """
    order = np.argsort(-scores)
    thresholds = thresholds_of(scores)
    kept = np.searchsorted(-scores[order], -thresholds, side="right")
    return thresholds, kept / len(scores), np.cumsum(right[order])[kept - 1] / kept


def thresholds_of(scores: NDArray[Any]) -> NDArray[Any]:
    """Returns each score that occurs, cut to four digits, the highest first, of shape [thresholds]."""
    thresholds: NDArray[Any] = np.unique(np.floor(scores * 10**_DIGITS) / 10**_DIGITS)[::-1]
    return thresholds


def suggest_threshold(scores: NDArray[Any], right: NDArray[Any]) -> float | None:
    """Returns the lowest score from which at least 98 % of the labels are right, or None where there is none.

    It keeps as many texts as that accuracy allows, and at least 50. Arguments as in `coverage_curve`.
    """
    thresholds, coverage, accuracy = coverage_curve(scores, right)
    good = (accuracy >= ACCURACY_GOAL) & (coverage * len(scores) >= LEAST_KEPT)
    return float(thresholds[good].min()) if good.any() else None


def confident_metrics(scores: NDArray[Any], right: NDArray[Any], threshold: float) -> ConfidentMetrics:
    """Returns the share of texts that a threshold keeps and their accuracy; arguments as in `coverage_curve`."""
    kept = scores >= threshold
    figures = estimates(
        lambda texts: {
            "coverage": float(kept[texts].mean()),
            "accuracy": float(right[texts][kept[texts]].mean()) if kept[texts].any() else 0.0,
        },
        len(scores),
    )
    return ConfidentMetrics(score=threshold, **figures)


def cross_fitted_confidence(scores: NDArray[Any], right: NDArray[Any]) -> tuple[float, float] | None:
    """Returns coverage and accuracy where each half of the texts has the threshold suggested by the other half.

    None where a half suggests none. Arguments as in `coverage_curve`.
    """
    kept = np.zeros(len(scores), dtype=bool)
    for fitted, measured in halves(len(scores)):
        threshold = suggest_threshold(scores[fitted], right[fitted])
        if threshold is None:
            return None
        kept[measured] = scores[measured] >= threshold
    return (float(kept.mean()), float(right[kept].mean())) if kept.any() else None
