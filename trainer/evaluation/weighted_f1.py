"""The F1 of labels on a stream, from texts that were drawn from it with known probabilities."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from schemas.manifest import Estimate
from trainer.evaluation.weighted_share import NORMAL_95, typical_weight

_ADDED = 0.5  # texts of each label, in the variance
_NEAR = 1e-6


@dataclass(frozen=True)
class WeightedF1:
    """The F1 of each label, and what each text did to it."""

    values: NDArray[Any]
    """Of shape [labels], corrected for the bias of a ratio of few texts; 0 of a label that does not occur."""
    occurs: NDArray[np.bool_]
    """Whether a label is right or given anywhere, of shape [labels]."""
    influences: NDArray[Any]
    """How far each text moves the F1 of each label, of shape [texts, labels]; its square sums to the variance."""
    added: NDArray[Any]
    """What the texts that are added to a label bring to its variance, of shape [labels]."""
    least_doubt: NDArray[Any]
    """How far one of the texts that are added would move a label's F1 if it were wrong, of shape [labels]."""

    def macro(self) -> Estimate:
        """Returns the mean over the labels that occur, with its 95 % interval on the logit scale."""
        occurs = self.occurs.sum()
        value = float(self.values.sum() / occurs)
        variance = (self.influences.sum(axis=1) ** 2).sum() + self.added.sum()
        centre = np.clip(value, _NEAR, 1 - self.least_doubt.sum() / occurs)
        width = NORMAL_95 * np.sqrt(variance) / occurs / (centre * (1 - centre))
        low, high = expit(logit(centre) - width), expit(logit(centre) + width)
        return Estimate(value=value, low=float(min(low, value)), high=float(max(high, value)))


def weighted_f1(weights: NDArray[Any], truth: NDArray[Any], given: NDArray[Any]) -> WeightedF1:
    """Returns the F1 of each label.

    The variance is that of the ratio, linearised, with half a text of the stream's mean weight added to each label, as
    likely right as wrong: of a label without a mistake it would else be 0.

    Args:
        weights: 1 / probability of having been drawn, of shape [texts].
        truth: What each label has of a text, of shape [texts, labels]: 1 for the right one; labels with as many votes
            share it.
        given: 1 for the label that the model gave, else 0, of shape [texts, labels].
    """
    mass = truth + given
    total = weights @ mass
    occurs = total > 0
    total = np.where(occurs, total, 1.0)
    f1 = 2 * (weights @ (truth * given)) / total
    influences = weights[:, None] * (2 * truth * given - f1 * mass) / total
    bias = (influences * mass * weights[:, None]).sum(axis=0) / total
    doubt = np.where(occurs, _ADDED * typical_weight(weights) / total, 0.0)
    right, wrong = (2 - 2 * f1) ** 2, f1**2
    return WeightedF1(
        values=np.where(occurs, np.clip(f1 + bias, 0, 1), 0.0),
        occurs=occurs,
        influences=influences,
        added=doubt**2 / _ADDED * (right + wrong) / 2,
        least_doubt=doubt / 2,
    )
