"""A share of a stream, from texts that were drawn from it with known probabilities, with an interval that holds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from schemas.manifest import Estimate

NORMAL_95 = 1.959964
"""Standard deviations on both sides of a normal distribution's mean that hold 95 % of it."""

_NEAR = 1e-9


def weighted_share(weights: NDArray[Any], right: NDArray[Any]) -> Estimate | None:
    """Returns the share of a stream's texts that are right, with its 95 % interval; None where no text was drawn.

    The estimate is Hájek's: right weight by all weight. The interval is Wilson's (1927), which holds the shares that
    the estimate does not contradict, but the variance of each such share regards that right and wrong texts weigh
    differently, for what is not confident is drawn more often, and is more often wrong. To what right and wrong ones
    weigh, one more text of each kind is added, of the mean weight of the stream: of a few it would else not be known.

    Args:
        weights: 1 / probability of having been drawn, of shape [texts].
        right: Of each text 0 to 1, of shape [texts].
    """
    total = float(weights.sum())
    if not total:
        return None
    value = float(weights @ right) / total
    of_right, of_wrong = _mean_weight(weights, right), _mean_weight(weights, 1 - right)

    def excess(share: float) -> float:
        variance = share * (1 - share) * (of_right * (1 - share) + of_wrong * share) / total
        return (value - share) ** 2 - NORMAL_95**2 * variance

    low = brentq(excess, 0, value * (1 - _NEAR)) if value > 0 else 0.0
    high = brentq(excess, value + (1 - value) * _NEAR, 1) if value < 1 else 1.0
    return Estimate(value=value, low=low, high=high)


def typical_weight(weights: NDArray[Any]) -> float:
    """Returns the mean weight of the texts of the stream (not of those drawn, of which the light ones are more)."""
    return float(weights @ weights / weights.sum())


def effective_number(weights: NDArray[Any]) -> float:
    """Returns how many texts drawn evenly tell as much of a share (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights @ weights))


def _mean_weight(weights: NDArray[Any], kind: NDArray[Any]) -> float:
    """Returns the mean weight of the stream's texts of a kind, with one more of the mean weight of all."""
    typical = typical_weight(weights)
    return float((weights**2 @ kind + typical**2) / (weights @ kind + typical))


def is_even(weights: NDArray[Any]) -> bool:
    """Returns whether all texts were drawn with the same probability."""
    return bool(np.allclose(weights, weights[0]))
