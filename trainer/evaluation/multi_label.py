"""The figures of a split whose texts have any number of labels, each judged for itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from schemas.manifest import LabelMetrics, SplitMetrics
from trainer.evaluation.calibration import calibration_error

Thresholds = NDArray[Any]
"""The score from which each label is given, of shape [labels]."""
DEFAULT_THRESHOLD = 0.5
"""Of a label that has none of its own."""


def multi_label_metrics(
    logits: NDArray[Any], flags: NDArray[Any], names: Sequence[str], thresholds: Thresholds | float = DEFAULT_THRESHOLD
) -> SplitMetrics:
    """Returns the figures of a split.

    Args:
        logits: Of shape [texts, labels].
        flags: 1 for each right label of a text, else 0, of shape [texts, labels]. A share between them counts in the
            loss as it is, and elsewhere as right from one half on.
        names: Label names in id order.
        thresholds: Of all labels, or one for all.
    """
    scores, right = expit(logits.astype(np.float64)), flags >= 0.5
    given = scores >= thresholds
    found, told, support = (right & given).sum(axis=0), given.sum(axis=0), right.sum(axis=0)
    precision, recall, f1 = found / np.maximum(told, 1), found / np.maximum(support, 1), label_f1(right, given)
    errors = label_errors(scores, right)
    figures = zip(names, precision, recall, f1, support, errors, strict=True)
    return SplitMetrics(
        rows=len(flags),
        loss=binary_cross_entropy(logits, flags),
        accuracy=float((right == given).all(axis=1).mean()),
        macro_f1=float(f1.mean()),
        ece=float(np.mean(errors)),
        labels={
            name: LabelMetrics(precision=precision, recall=recall, f1=f1, support=support, ece=ece)
            for name, precision, recall, f1, support, ece in figures
        },
    )


def label_f1(right: NDArray[Any], given: NDArray[Any]) -> NDArray[Any]:
    """Returns the F1 of each label, 0 where it neither occurs nor is given; both arguments of shape [texts, labels]."""
    counted = right.sum(axis=0) + given.sum(axis=0)
    f1: NDArray[Any] = 2 * (right & given).sum(axis=0) / np.maximum(counted, 1)
    return f1


def binary_cross_entropy(logits: NDArray[Any], flags: NDArray[Any]) -> float:
    """Returns the mean over texts and labels, in nats; arguments as in `multi_label_metrics`."""
    logits = logits.astype(np.float64)
    return float((np.logaddexp(0, logits) - flags * logits).mean())


def label_errors(scores: NDArray[Any], right: NDArray[Any]) -> list[float]:
    """Returns the expected calibration error of each label's scores; both arguments of shape [texts, labels]."""
    return [calibration_error(*of_label) for of_label in zip(scores.T, right.T, strict=True)]


def as_table(metrics: SplitMetrics, thresholds: Mapping[str, float]) -> str:
    """Returns the figures for people; `thresholds` by label."""
    width = max(len("label"), *map(len, metrics.labels))
    lines = [
        f"rows              {metrics.rows}",
        f"loss              {metrics.loss:.4f}",
        f"all labels right  {metrics.accuracy:.4f}",
        f"macro-F1          {metrics.macro_f1:.4f}",
        f"mean ECE          {metrics.ece:.4f}",
        "",
        f"{'label':{width}}  threshold  precision  recall      F1     ECE  support",
    ]
    for name, label in metrics.labels.items():
        figures = f"{label.precision:9.4f}  {label.recall:6.4f}  {label.f1:6.4f}  {label.ece:6.4f}  {label.support:7}"
        lines.append(f"{name:{width}}  {thresholds[name]:9.4f}  {figures}")
    return "\n".join(lines)
