"""How far scores can be believed on a stream, from texts that were drawn from it with known probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from schemas.manifest import Estimate
from trainer.evaluation.weighted_share import NORMAL_95, typical_weight

BINS = 15
_ADDED = 0.5  # texts in each bin, in the variance


def weighted_ece(weights: NDArray[Any], scores: NDArray[Any], right: NDArray[Any]) -> Estimate:
    """Returns the expected calibration error over 15 bins, with its 95 % interval.

    Of a few texts, scores that are perfectly right show an error too: that of chance. So the interval holds the errors
    under which the one that was seen is neither too high nor too low, and the value is the error under which half of
    all samples would show less. The gaps of the bins are taken as normal and in proportion to those seen.

    Args:
        weights: 1 / probability of having been drawn, of shape [texts].
        scores: The score of each text's label, of shape [texts].
        right: Whether that label is right, 0 to 1, of shape [texts].
    """
    total = weights.sum()
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    weighted_gaps = weights * (right - scores) / total
    gaps = np.abs(np.bincount(bins, weighted_gaps, minlength=BINS))
    variance = np.bincount(bins, weighted_gaps**2, minlength=BINS)
    middle = (np.arange(BINS) + 0.5) / BINS
    occurs = np.bincount(bins, minlength=BINS) > 0
    added = occurs * _ADDED * middle * (1 - middle) * (typical_weight(weights) / total) ** 2
    # What is added makes the interval wider at both ends: it is chance below, and none of it is above.
    low = _error(gaps, variance + added, variance + added, NORMAL_95)
    high = _error(gaps, variance, variance + added, -NORMAL_95)
    value = _error(gaps, variance, variance, 0.0)
    return Estimate(value=value, low=min(low, value), high=max(high, value))


def _error(gaps: NDArray[Any], chance: NDArray[Any], spread: NDArray[Any], deviations: float) -> float:
    """Returns the true error under which the sum of the gaps lies so many standard deviations above its mean.

    Args:
        gaps: Of each bin, times its share of the stream, 0 or more; of shape [bins].
        chance: The variance of each gap, by which chance alone raises the sum.
        spread: The same, by which the sum varies.
        deviations: How many.
    """
    seen = float(gaps.sum())
    shape = gaps / seen if seen else gaps

    def excess(error: float) -> float:
        true = shape * error
        sum_variance = (true**2 + spread - _mean_size(true, spread) ** 2).sum()
        return float(seen - _mean_size(true, chance).sum() - deviations * np.sqrt(max(sum_variance, 0.0)))

    if excess(0.0) <= 0:
        return 0.0
    return 1.0 if excess(1.0) >= 0 else float(brentq(excess, 0.0, 1.0))


def _mean_size(mean: NDArray[Any], variance: NDArray[Any]) -> NDArray[Any]:
    """Returns the mean of a normal variable's absolute value (folded normal, Leone et al. 1961), of shape [bins]."""
    deviation = np.sqrt(np.maximum(variance, 1e-24))
    ratio = mean / deviation
    size: NDArray[Any] = deviation * np.sqrt(2 / np.pi) * np.exp(-(ratio**2) / 2) + mean * (1 - 2 * ndtr(-ratio))
    return size
