"""How logits become scores and labels: one label a text, or each label for itself."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logsumexp, softmax
from transformers import PreTrainedModel

from schemas.manifest import ModelManifest, SplitMetrics
from trainer.artifact.loading import is_multi_label, names_of
from trainer.evaluation import metrics, multi_label


class DecisionRule(Protocol):
    """What a kind of model makes of its logits."""

    @property
    def thresholds(self) -> NDArray[Any] | None:
        """The score from which each label is given, of shape [labels]; None where a text gets one label."""

    def scores(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Returns the scores, 0 to 1; both of shape [texts, labels]."""

    def energy(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Returns how much the logits know of each text, of shape [texts]: higher inside the domain."""

    def given(self, scores: NDArray[Any]) -> NDArray[np.bool_]:
        """Returns which labels a text gets; both of shape [texts, labels]."""

    def confident(self, scores: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Returns whether each text's label is confident, of shape [texts]; None where no threshold can tell it."""

    def metrics(self, logits: NDArray[Any], right: NDArray[Any], names: Sequence[str]) -> SplitMetrics:
        """Returns the figures of a split; `right` as `Assessment.right`, `names` in id order."""


class OneLabel:
    """Each text gets the label of the highest score; all scores of a text sum to 1."""

    thresholds = None

    def __init__(self, confident_score: float | None = None) -> None:
        """Takes the score from which a label is confident, where there is one."""
        self.confident_score = confident_score

    def scores(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Returns the softmax of the logits."""
        probabilities: NDArray[Any] = softmax(logits.astype(np.float64), axis=1)
        return probabilities

    def energy(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Returns the negative free energy (Liu et al. 2020)."""
        energy: NDArray[Any] = logsumexp(logits, axis=1)
        return energy

    def given(self, scores: NDArray[Any]) -> NDArray[np.bool_]:
        """Returns the label of the highest score as a row of flags."""
        best: NDArray[np.bool_] = np.eye(scores.shape[1], dtype=np.bool_)[scores.argmax(axis=1)]
        return best

    def confident(self, scores: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Returns whether the highest score reaches the threshold."""
        if self.confident_score is None:
            return None
        confident: NDArray[np.bool_] = scores.max(axis=1) >= self.confident_score
        return confident

    def metrics(self, logits: NDArray[Any], right: NDArray[Any], names: Sequence[str]) -> SplitMetrics:
        """Returns the figures; the right label of each text is its id."""
        return metrics.split_metrics(logits, right, names, self.confident_score)


class EachLabel:
    """Each label stands for itself: a text gets those whose score reaches their threshold, also several or none."""

    def __init__(self, thresholds: NDArray[Any]) -> None:
        """Takes the threshold of each label, of shape [labels]."""
        self.thresholds = thresholds

    def scores(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Returns the sigmoid of the logits."""
        probabilities: NDArray[Any] = expit(logits.astype(np.float64))
        return probabilities

    def energy(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Returns the joint energy over the labels (Wang et al. 2021)."""
        energy: NDArray[Any] = np.logaddexp(0, logits).sum(axis=1)
        return energy

    def given(self, scores: NDArray[Any]) -> NDArray[np.bool_]:
        """Returns which scores reach their label's threshold."""
        reached: NDArray[np.bool_] = scores >= self.thresholds
        return reached

    def confident(self, scores: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Returns whether any label reaches its threshold."""
        reached: NDArray[np.bool_] = np.any(self.given(scores), axis=1)
        return reached

    def metrics(self, logits: NDArray[Any], right: NDArray[Any], names: Sequence[str]) -> SplitMetrics:
        """Returns the figures; the right labels of each text are flags."""
        return multi_label.multi_label_metrics(logits, right, names, self.thresholds)


def rule_of(model: PreTrainedModel, manifest: ModelManifest | None) -> DecisionRule:
    """Returns the rule of a model, with the thresholds of its manifest."""
    if not is_multi_label(model):
        return OneLabel(manifest.confident_score if manifest else None)
    thresholds = (manifest.thresholds if manifest else None) or {}
    return EachLabel(np.array([thresholds.get(name, multi_label.DEFAULT_THRESHOLD) for name in names_of(model)]))
