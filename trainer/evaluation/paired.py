"""Two models on the same texts: which is better, by how much, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from schemas.manifest import Estimate
from trainer.evaluation.weighted_f1 import WeightedF1, weighted_f1
from trainer.evaluation.weighted_share import NORMAL_95, is_even, typical_weight

_FLIPS = 10_000
_SEED = 0


@dataclass(frozen=True)
class Difference:
    """A figure of the old and of the new model."""

    old: float
    new: float
    difference: Estimate
    """New less old, with its 95 % interval."""

    @property
    def verdict(self) -> str:
        """What the interval says of the new model."""
        if self.difference.low > 0:
            return "better"
        return "worse" if self.difference.high < 0 else "no difference shown"


@dataclass(frozen=True)
class Change:
    """Texts that get another label from the new model."""

    old: str
    new: str
    share: float
    """Of all texts."""
    texts: int
    old_right: float
    """Share of these texts for which the old label is right; and the new one."""
    new_right: float


@dataclass(frozen=True)
class PairedFigures:
    """How two models differ on the same texts."""

    accuracy: Difference
    p_value: float
    """How likely so large a difference in accuracy is by chance, between models that are equally good."""
    macro_f1: Difference
    labels: Mapping[str, Difference]
    """The F1 of each label."""
    changed: float
    """Share of the texts that get another label."""
    changes: Sequence[Change]
    """The most frequent first."""


def paired_figures(
    weights: NDArray[Any], truth: NDArray[Any], old: NDArray[Any], new: NDArray[Any], labels: Sequence[str]
) -> PairedFigures:
    """Returns how the labels of two models differ.

    Args:
        weights: 1 / probability of having been drawn, of shape [texts]; all alike where that is not known.
        truth: What each label has of a text, as in `weighted_f1`, of shape [texts, labels].
        old: 1 for the label that the old model gave, else 0, of shape [texts, labels].
        new: The same of the new model.
        labels: Their names.
    """
    old_right, new_right = (truth * old).sum(axis=1), (truth * new).sum(axis=1)
    changes = _changes(weights, truth, old, new, labels)
    old_f1, new_f1 = weighted_f1(weights, truth, old), weighted_f1(weights, truth, new)
    return PairedFigures(
        accuracy=_accuracy(weights, old_right, new_right),
        p_value=_p_value(weights, new_right - old_right),
        macro_f1=_macro_f1(old_f1, new_f1),
        labels={name: _label_f1(old_f1, new_f1, label) for label, name in enumerate(labels)},
        changed=sum(change.share for change in changes),
        changes=changes,
    )


def _accuracy(weights: NDArray[Any], old: NDArray[Any], new: NDArray[Any]) -> Difference:
    """Returns the difference of two shares of the same texts.

    The interval is that of Agresti and Min (2005) with weights: of the four kinds of texts (both right, one of them,
    none) half a text more is counted, of the mean weight.
    """
    total, added = weights.sum(), typical_weight(weights)
    gained = new - old
    centre = weights @ gained / (total + 2 * added)
    squares = weights**2 @ gained**2 + added**2 - centre**2 * (weights @ weights + 2 * added**2)
    width = NORMAL_95 * np.sqrt(max(squares, 0)) / (total + 2 * added)
    value = weights @ gained / total
    low, high = min(centre - width, value), max(centre + width, value)
    return Difference(
        old=float(weights @ old / total),
        new=float(weights @ new / total),
        difference=Estimate(value=float(value), low=float(low), high=float(high)),
    )


def _p_value(weights: NDArray[Any], gained: NDArray[Any]) -> float:
    """Returns the two-sided p-value: were the models equally good, each text could as well have gone the other way.

    With texts that count alike this is McNemar's exact test; else 10,000 ways are drawn, with a fixed seed.
    """
    moved = gained != 0
    if not moved.any():
        return 1.0
    if is_even(weights[moved] * np.abs(gained[moved])):
        return float(binomtest(int((gained > 0).sum()), int(moved.sum())).pvalue)
    terms = (weights * gained)[moved]
    signs = np.random.default_rng(_SEED).choice((-1.0, 1.0), (_FLIPS, len(terms)))
    as_far = np.abs(signs @ terms) >= abs(terms.sum()) * (1 - 1e-9)
    return float((as_far.sum() + 1) / (_FLIPS + 1))


def _macro_f1(old: WeightedF1, new: WeightedF1) -> Difference:
    """Returns the difference of the means over the labels that occur, for either model."""
    occurs = (old.occurs | new.occurs).sum()
    old_mean, new_mean = old.values.sum() / occurs, new.values.sum() / occurs
    moved = (new.influences - old.influences).sum(axis=1)
    variance = ((moved**2).sum() + _added(old, new).sum()) / occurs**2
    return _difference(old_mean, new_mean, variance)


def _label_f1(old: WeightedF1, new: WeightedF1, label: int) -> Difference:
    moved = (new.influences - old.influences)[:, label]
    variance = (moved**2).sum() + _added(old, new)[label]
    return _difference(old.values[label], new.values[label], variance)


def _added(old: WeightedF1, new: WeightedF1) -> NDArray[Any]:
    added: NDArray[Any] = (old.added + new.added) / 2
    return added


def _difference(old: float, new: float, variance: float) -> Difference:
    width = NORMAL_95 * np.sqrt(variance)
    value = float(new - old)
    low, high = max(value - width, -1.0), min(value + width, 1.0)
    return Difference(float(old), float(new), Estimate(value=value, low=float(low), high=float(high)))


def _changes(
    weights: NDArray[Any], truth: NDArray[Any], old: NDArray[Any], new: NDArray[Any], labels: Sequence[str]
) -> list[Change]:
    was, now = old.argmax(axis=1), new.argmax(axis=1)
    found = []
    for before, after in sorted(set(zip(was[was != now].tolist(), now[was != now].tolist(), strict=True))):
        kind = (was == before) & (now == after)
        share = float(weights[kind].sum())
        found.append(
            Change(
                old=labels[before],
                new=labels[after],
                share=share / float(weights.sum()),
                texts=int(kind.sum()),
                old_right=float(weights[kind] @ truth[kind, before]) / share,
                new_right=float(weights[kind] @ truth[kind, after]) / share,
            )
        )
    return sorted(found, key=lambda each: -each.share)
