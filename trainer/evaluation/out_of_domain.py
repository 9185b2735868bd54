"""How well texts that carry no emotion, or are not English at all, can be told from those of the domain.

Three ways to tell are measured: the highest score (Hendrycks and Gimpel 2017), the energy of the logits (Liu et al.
2020; where labels each stand for themselves, its sum over them, Wang et al. 2021), and the Mahalanobis distance of the
features before the last layer (Lee et al. 2018). The texts are our own (`suites/out_of_domain.json`), or the lines of a
file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from trainer.errors import UserError
from trainer.evaluation.decision import DecisionRule
from trainer.evaluation.outputs import Outputs
from trainer.evaluation.resampling import halves

OWN_TEXTS = Path(__file__).parent / "suites" / "out_of_domain.json"
_LEAST_FOR_DISTANCES = 4  # a covariance comes from half of the texts, and takes two


@dataclass(frozen=True)
class Separation:
    """How well one figure, higher inside the domain, tells the two kinds of texts apart."""

    auroc: float
    """Chance that a text of the domain has the higher figure than one from outside."""
    fpr_at_95: float
    """Share of the texts from outside that pass where 95 % of the domain's pass."""


@dataclass(frozen=True)
class OutOfDomain:
    """What a model makes of texts from outside its domain."""

    texts: int
    separation: dict[str, Separation]
    """By method: `max_score`, `energy`, `mahalanobis`; the last is missing for a head whose features are not known, for
    fewer than 4 texts, and where a text may have several labels, so that there are no classes to be near to."""
    mean_score: float
    """Mean of the highest scores."""
    confident: float | None
    """Share whose label is confident, or with any label that reaches its threshold; None for a model without one."""
    mean_score_by_kind: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Returns the outcome as JSON has it."""
        return asdict(self)


def load_texts(path: Path) -> dict[str, list[str]]:
    """Loads texts by kind: our own JSON, or the lines of a text file, which are one kind.

    Raises:
        UserError: if the file cannot be read or holds no text.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--out-of-domain {path}: cannot be read: {error}; give a UTF-8 file, one text a line"
        ) from error
    if path == OWN_TEXTS:
        own: dict[str, list[str]] = json.loads(content)
        return own
    lines = [line for line in content.splitlines() if line.strip()]
    if not lines:
        raise UserError(f"--out-of-domain {path}: no text; give a file with one text a line")
    return {path.name: lines}


def measure_out_of_domain(
    inside: Outputs,
    right: NDArray[Any],
    outside: Outputs,
    kinds: Mapping[str, Sequence[str]],
    rule: DecisionRule,
) -> OutOfDomain:
    """Compares what a model makes of a split and of texts from outside.

    Args:
        inside: Of the split.
        right: The right label of each of its texts, of shape [texts], or flags, of shape [texts, labels].
        outside: Of the texts of all kinds, in order.
        kinds: Texts by kind.
        rule: How logits become scores and labels.
    """
    by_label = rule.scores(outside.logits)
    scores, confident = by_label.max(axis=1), rule.confident(by_label)
    places = np.cumsum([0, *map(len, kinds.values())])
    separation = {
        "max_score": separate(rule.scores(inside.logits).max(axis=1), scores),
        "energy": separate(rule.energy(inside.logits), rule.energy(outside.logits)),
    }
    has_classes = right.ndim == 1 and len(right) >= _LEAST_FOR_DISTANCES
    if has_classes and inside.features is not None and outside.features is not None:
        separation["mahalanobis"] = separate(*_closeness(inside.features, right, outside.features))
    return OutOfDomain(
        texts=len(scores),
        separation=separation,
        mean_score=float(scores.mean()),
        confident=None if confident is None else float(confident.mean()),
        mean_score_by_kind={
            kind: float(scores[start:end].mean()) for kind, start, end in zip(kinds, places, places[1:], strict=False)
        },
    )


def separate(inside: NDArray[Any], outside: NDArray[Any]) -> Separation:
    """Returns how well a figure separates; both of shape [texts], higher inside the domain."""
    is_inside = np.repeat([1, 0], [len(inside), len(outside)])
    return Separation(
        auroc=float(roc_auc_score(is_inside, np.concatenate([inside, outside]))),
        fpr_at_95=float((outside >= np.sort(inside)[len(inside) // 20]).mean()),
    )


def _closeness(inside: NDArray[Any], ids: NDArray[Any], outside: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns the negative distance to the nearest label's mean, under the covariance that all labels share.

    Means and covariance come from one half of the split, the other half is measured, both ways round; a text from
    outside has the mean of both. The covariance is shrunk (Ledoit and Wolf 2004): a half has few texts for its width.
    """
    of_inside, of_outside = np.zeros(len(inside)), np.zeros(len(outside))
    for fitted, measured in halves(len(inside)):
        labels = np.unique(ids[fitted])
        means = np.array([inside[fitted][ids[fitted] == label].mean(axis=0) for label in labels])
        residuals = inside[fitted] - means[np.searchsorted(labels, ids[fitted])]
        shared = LedoitWolf(assume_centered=True).fit(residuals)
        of_inside[measured] = -_distances(shared, inside[measured], means)
        of_outside -= _distances(shared, outside, means) / 2
    return of_inside, of_outside


def _distances(shared: Any, features: NDArray[Any], means: NDArray[Any]) -> NDArray[Any]:
    nearest: NDArray[Any] = np.min([shared.mahalanobis(features - mean) for mean in means], axis=0)
    return nearest


def as_table(outside: OutOfDomain) -> str:
    """Returns the outcome for people."""
    lines = [f"{outside.texts} texts from outside the domain: mean score {outside.mean_score:.4f}"]
    if outside.confident is not None:
        lines[0] += f", confident {outside.confident:.1%}"
    lines += ["", f"{'told apart by':16}  AUROC  FPR at 95 %"]
    lines += [
        f"{name:16} {figures.auroc:6.4f}  {figures.fpr_at_95:11.1%}" for name, figures in outside.separation.items()
    ]
    lines += ["", f"{'kind':20}  mean score"]
    lines += [f"{kind:20}  {score:10.4f}" for kind, score in outside.mean_score_by_kind.items()]
    return "\n".join(lines)
