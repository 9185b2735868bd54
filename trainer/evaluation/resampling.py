"""Honest figures from one split: bootstrap intervals, and halves to fit on and to measure on."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from schemas.manifest import Estimate

_RESAMPLES = 1000
_SEED = 0


def estimates(statistics: Callable[[NDArray[np.intp]], Mapping[str, float]], texts: int) -> dict[str, Estimate]:
    """Returns each statistic with its 95 % percentile interval (Efron and Tibshirani 1993, chapter 13).

    All statistics are taken on the same resamples, which are the same in every run.

    Args:
        statistics: From the indices of texts, which may repeat, to named figures.
        texts: How many texts there are.
    """
    rng = np.random.default_rng(_SEED)
    values = statistics(np.arange(texts))
    resampled = [statistics(rng.integers(texts, size=texts)) for _ in range(_RESAMPLES)]
    limits = {name: np.percentile([figures[name] for figures in resampled], [2.5, 97.5]) for name in values}
    return {name: Estimate(value=value, low=limits[name][0], high=limits[name][1]) for name, value in values.items()}


def halves(texts: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Returns the indices of two halves of the texts, drawn with a fixed seed, both ways round."""
    return list(KFold(2, shuffle=True, random_state=_SEED).split(np.arange(texts)))
