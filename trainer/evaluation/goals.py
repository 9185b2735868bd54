"""The score from which a label counts as confident, where it has to keep its word in several domains."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.manifest import ConfidentShare
from trainer.data.domains import HOME
from trainer.evaluation.confidence import ACCURACY_GOAL, LEAST_KEPT, suggest_threshold, thresholds_of
from trainer.evaluation.resampling import halves

DOMAIN_GOAL = 0.94
"""Least share of a further domain's confident labels that are right."""
WITHOUT_FEELING_GOAL = 0.04
"""Largest share of the texts without a feeling that are confident."""


@dataclass(frozen=True)
class Answers:
    """Scores of all texts that the threshold is chosen by."""

    by_domain: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]
    """The highest score of each text, and whether its label is right, each of shape [texts]; validation is first."""
    without_feeling: NDArray[Any]
    """The highest score of each text without a feeling, of shape [texts]; empty where nothing is asked of them."""

    def halves(self) -> list[tuple["Answers", "Answers"]]:
        """Returns two halves of the texts, to fit on and to measure on, both ways round."""
        return [(self._half(which, 0), self._half(which, 1)) for which in (0, 1)]

    def _half(self, which: int, side: int) -> "Answers":
        def half(values: NDArray[Any]) -> NDArray[Any]:
            return values[halves(len(values))[which][side]] if len(values) else values

        by_domain = {name: (half(scores), half(right)) for name, (scores, right) in self.by_domain.items()}
        return Answers(by_domain, half(self.without_feeling))


@dataclass(frozen=True)
class Suggestion:
    """A threshold and what it does not reach."""

    score: float | None
    missed: list[str]
    """The goals that it does not reach, in words."""


def suggest_for_domains(answers: Answers) -> Suggestion:
    """Returns the lowest score that reaches every goal, and is not below what validation alone suggests.

    The goals: 98 % of validation's confident labels are right and 94 % of each further domain's, of 50 texts or more
    each, and at most 4 % of the texts without a feeling are confident. Where no score reaches all, it is the one that
    misses the fewest; among these the one with the least shortfall in whole points of 100; among these the lowest.
    """
    lowest = suggest_threshold(*answers.by_domain[HOME])
    if lowest is None:
        return Suggestion(None, [f"{HOME}: from no score on are {ACCURACY_GOAL:.0%} of {LEAST_KEPT} labels right"])
    scores = [*(scores for scores, _ in answers.by_domain.values()), answers.without_feeling]
    thresholds = thresholds_of(np.concatenate(scores))
    thresholds = thresholds[thresholds >= lowest]
    goals: list[_Accuracy | _WithoutFeeling] = [_Accuracy(name, *own) for name, own in answers.by_domain.items()]
    if len(answers.without_feeling):
        goals.append(_WithoutFeeling(answers.without_feeling))
    lacking = np.array([goal.shortfall(thresholds) for goal in goals])
    points = np.ceil(100 * lacking).sum(axis=0)
    best = np.lexsort((thresholds, points, (lacking > 0).sum(axis=0)))[0]
    score = float(thresholds[best])
    return Suggestion(score, [goal.reached(score) for goal, own in zip(goals, lacking, strict=True) if own[best] > 0])


@dataclass(frozen=True)
class _Accuracy:
    """What is asked of the confident labels of one domain."""

    name: str
    scores: NDArray[Any]
    right: NDArray[Any]

    @property
    def accuracy(self) -> float:
        return ACCURACY_GOAL if self.name == HOME else DOMAIN_GOAL

    def shortfall(self, thresholds: NDArray[Any]) -> NDArray[Any]:
        """Returns what each threshold lacks, 0 where it reaches the goal; all of it where it keeps too few texts."""
        kept = _kept(self.scores, thresholds)
        rights = np.cumsum(self.right[np.argsort(-self.scores)])[np.maximum(kept, 1) - 1]
        lacking = np.maximum(self.accuracy - rights / np.maximum(kept, 1), 0)
        return np.where(kept < LEAST_KEPT, self.accuracy, lacking)

    def reached(self, threshold: float) -> str:
        """Returns in words what a threshold that misses the goal does reach."""
        kept = self.scores >= threshold
        if kept.sum() < LEAST_KEPT:
            return f"{self.name}: {kept.sum()} labels are confident, not {LEAST_KEPT}"
        return f"{self.name}: {self.right[kept].mean():.2%} of the confident labels are right, not {self.accuracy:.0%}"


@dataclass(frozen=True)
class _WithoutFeeling:
    """What is asked of the texts without a feeling."""

    scores: NDArray[Any]

    def shortfall(self, thresholds: NDArray[Any]) -> NDArray[Any]:
        """Returns by how much each threshold keeps too large a share, 0 where it reaches the goal."""
        return np.maximum(_kept(self.scores, thresholds) / len(self.scores) - WITHOUT_FEELING_GOAL, 0)

    def reached(self, threshold: float) -> str:
        """Returns in words what a threshold that misses the goal does reach."""
        share = (self.scores >= threshold).mean()
        return f"texts without a feeling: {share:.2%} are confident, not at most {WITHOUT_FEELING_GOAL:.0%}"


def _kept(scores: NDArray[Any], thresholds: NDArray[Any]) -> NDArray[Any]:
    """Returns how many of the scores each threshold keeps, of shape [thresholds]."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")


def held_out_shares(answers: Answers) -> tuple[dict[str, ConfidentShare], float | None] | None:
    """Returns what is kept where each half of the texts has the threshold suggested by the other halves.

    Returns:
        The figures of each domain, and the share of the texts without a feeling that is confident, if any were given;
        None where a half suggests no threshold.
    """
    scored: list[tuple[float, Answers]] = []
    for fitted, measured in answers.halves():
        score = suggest_for_domains(fitted).score
        if score is None:
            return None
        scored.append((score, measured))
    shares = {}
    for name in answers.by_domain:
        kept = np.concatenate([measured.by_domain[name][0] >= score for score, measured in scored])
        right = np.concatenate([measured.by_domain[name][1] for _, measured in scored])
        accuracy = float(right[kept].mean()) if kept.any() else None
        shares[name] = ConfidentShare(coverage=float(kept.mean()), accuracy=accuracy)
    others = np.concatenate([measured.without_feeling >= score for score, measured in scored])
    return shares, float(others.mean()) if len(others) else None
