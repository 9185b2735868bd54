"""The score from which each label is given: the one with the best F1 of that label."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.multi_label import Thresholds, label_f1

_DIGITS = 4
_TRIED = np.arange(1, 100) / 100
"""For a threshold that labels share."""


def fit_thresholds(scores: NDArray[Any], right: NDArray[np.bool_], own: NDArray[np.bool_]) -> Thresholds:
    """Returns the threshold of each label, of four digits.

    Args:
        scores: Of shape [texts, labels].
        right: Whether a label is right for a text, of shape [texts, labels].
        own: Whether a label has texts enough for a threshold of its own, of shape [labels]. The others share the one
            with the best mean F1 over all labels.
    """
    thresholds = np.full(scores.shape[1], 0.0)
    if not own.all():
        thresholds[~own] = _best_shared(scores, right)
    for label in np.flatnonzero(own):
        thresholds[label] = _best(scores[:, label], right[:, label])
    return thresholds


def _best(scores: NDArray[Any], right: NDArray[np.bool_]) -> float:
    """Returns the threshold with the best F1: halfway between the lowest score that it keeps and the next below."""
    order = np.argsort(-scores)
    ordered = scores[order]
    kept = np.arange(1, len(scores) + 1)
    f1 = 2 * np.cumsum(right[order]) / (kept + right.sum())
    f1[:-1][ordered[:-1] == ordered[1:]] = 0  # equal scores are kept together
    best = int(f1.argmax())
    below = ordered[best + 1] if best + 1 < len(ordered) else 0.0
    return round(float(ordered[best] + below) / 2, _DIGITS)


def _best_shared(scores: NDArray[Any], right: NDArray[np.bool_]) -> float:
    means = [label_f1(right, scores >= threshold).mean() for threshold in _TRIED]
    return float(_TRIED[np.argmax(means)])
