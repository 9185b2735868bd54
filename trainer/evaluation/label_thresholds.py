"""The score from which each label is given: the one with the best F1 that its calibrated scores let expect.

Of scores that mean what they say, F1 can be foretold for each threshold (Ye et al. 2012, "Optimizing F-measures: A Tale
of Two Approaches"). On GoEmotions these do better on new texts than those that were best on the texts seen, most of all
for rare labels: a few texts of a label say little of a threshold, but all texts have a score of it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from trainer.evaluation.label_calibration import fit_scaling, scaled
from trainer.evaluation.multi_label import DEFAULT_THRESHOLD, Thresholds

_DIGITS = 4
_MOST_GIVEN = 2  # times the texts that are expected to have a label


def fit_thresholds(logits: NDArray[Any], right: NDArray[np.bool_], own: NDArray[np.bool_]) -> Thresholds:
    """Returns the threshold of each label, of four digits.

    Where the scores could not be calibrated in the model itself, they are here, and the thresholds are those of the
    scores as they are.

    Args:
        logits: Of shape [texts, labels].
        right: Whether a label is right for a text, of shape [texts, labels].
        own: Whether a label has texts enough, of shape [labels]. The others get the median of these labels' thresholds.
    """
    scaling = fit_scaling(logits, right, own, (True, True))
    best = np.array([best_expected(of_label) for of_label in expit(scaled(logits, scaling)).T])
    thresholds = expit((logit(best) - scaling[1]) / scaling[0])
    thresholds[~own] = np.median(thresholds[own]) if own.any() else DEFAULT_THRESHOLD
    # Up, because of scores that are all but equal rather none is given than each.
    rounded: Thresholds = np.minimum(np.ceil(thresholds * 10**_DIGITS) / 10**_DIGITS, 1 - 10**-_DIGITS)
    return rounded


def best_expected(scores: NDArray[Any]) -> float:
    """Returns the threshold with the best expected F1: halfway from the lowest score that it keeps to the next below.

    It gives the label to no more than twice as many texts as are expected to have it: of one that the model cannot tell
    at all, F1 is best where every text gets it, and nobody wants that.

    Args:
        scores: One label's calibrated scores, of shape [texts].
    """
    ordered = np.sort(scores)[::-1]
    expected = ordered.sum()
    f1 = 2 * np.cumsum(ordered) / (np.arange(1, len(ordered) + 1) + expected)
    best = int(f1[: max(1, int(_MOST_GIVEN * expected))].argmax())
    return float(ordered[best : best + 2].mean())
