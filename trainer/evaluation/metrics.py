"""The figures of a split whose texts have one label each: loss, accuracy, F1, calibration and confidence."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support
from transformers import EvalPrediction

from schemas.manifest import LabelMetrics, SplitMetrics
from trainer.evaluation.calibration import brier_scores, calibration_error
from trainer.evaluation.confidence import confident_metrics
from trainer.evaluation.multi_label import multi_label_metrics
from trainer.evaluation.outputs import finite


def split_metrics(
    logits: NDArray[Any], ids: NDArray[Any], names: Sequence[str], confident_score: float | None = None
) -> SplitMetrics:
    """Returns the figures of a split.

    Args:
        logits: Of shape [texts, labels].
        ids: The right label of each text, of shape [texts].
        names: Label names in id order.
        confident_score: The model's threshold, where it has one.
    """
    probabilities = softmax(logits.astype(np.float64), axis=1)
    scores = probabilities.max(axis=1)
    predicted = logits.argmax(axis=1)
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits, dtype=torch.float64), torch.tensor(ids))
    per_label = precision_recall_fscore_support(ids, predicted, labels=range(len(names)), zero_division=0.0)
    return SplitMetrics(
        rows=len(ids),
        loss=loss.item(),
        accuracy=accuracy_score(ids, predicted),
        macro_f1=f1_score(ids, predicted, average="macro", zero_division=0.0),
        ece=calibration_error(scores, predicted == ids),
        brier=float(brier_scores(probabilities, ids).mean()),
        confident=None if confident_score is None else confident_metrics(scores, predicted == ids, confident_score),
        labels={
            name: LabelMetrics(precision=precision, recall=recall, f1=f1, support=support)
            for name, precision, recall, f1, support in zip(names, *per_label, strict=True)
        },
    )


def metrics_of(prediction: EvalPrediction, names: Sequence[str]) -> SplitMetrics:
    """Returns the figures of what a transformers Trainer predicted; texts with several labels have flags there.

    The labels are taken from the prediction, never from the data set: a Trainer that groups by length predicts in an
    order of its own.
    """
    outputs, ids = prediction.predictions, prediction.label_ids
    logits = finite(outputs[0] if isinstance(outputs, tuple) else outputs)  # an encoder-decoder's states come along
    right = ids[0] if isinstance(ids, tuple) else ids
    return split_metrics(logits, right, names) if right.ndim == 1 else multi_label_metrics(logits, right, names)


def as_table(metrics: SplitMetrics) -> str:
    """Returns the figures for people."""
    width = max(len("label"), *map(len, metrics.labels))
    lines = [
        f"rows      {metrics.rows}",
        f"loss      {metrics.loss:.4f}",
        f"accuracy  {metrics.accuracy:.4f}",
        f"macro-F1  {metrics.macro_f1:.4f}",
        f"ECE       {metrics.ece:.4f}",
        f"Brier     {metrics.brier:.4f}",
        *_confident_lines(metrics),
        "",
        f"{'label':{width}}  precision  recall      F1  support",
    ]
    for name, label in metrics.labels.items():
        figures = f"{label.precision:9.4f}  {label.recall:6.4f}  {label.f1:6.4f}  {label.support:7}"
        lines.append(f"{name:{width}}  {figures}")
    return "\n".join(lines)


def _confident_lines(metrics: SplitMetrics) -> list[str]:
    if metrics.confident is None:
        return []
    coverage, accuracy = metrics.confident.coverage, metrics.confident.accuracy
    return [
        f"confident from {metrics.confident.score:.4f}: "
        f"{coverage.value:.4f} of the texts [{coverage.low:.4f}, {coverage.high:.4f}], "
        f"accuracy {accuracy.value:.4f} [{accuracy.low:.4f}, {accuracy.high:.4f}]"
    ]
