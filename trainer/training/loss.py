"""The losses of hard and soft targets, in nats, as a transformers Trainer calls them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from schemas.problem_type import MULTI_LABEL


class CrossEntropy:
    """Cross-entropy against ids or distributions over the labels.

    It equals transformers' own loss, with and without label smoothing (Szegedy et al., "Rethinking the Inception
    Architecture", 2016), but for steps of several batches or processes: the Trainer leaves it to the model to divide by
    all texts of the step, and the loss of BERT's class does not. Only distributions are smoothed and
    weighted, so a validation loss, which is of ids, is plain and compares between runs.
    """

    def __init__(self, smoothing: float, weights: Sequence[float] | None = None) -> None:
        """Takes the share of each distribution, 0…1, that is spread evenly over all labels.

        Args:
            smoothing: That share.
            weights: What each label counts, in id order; None where all count 1.
        """
        self._smoothing = smoothing
        self._weights = None if weights is None else torch.tensor(weights)

    def __call__(self, outputs: Any, targets: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Returns the mean loss over the texts of a batch, or this batch's part of the mean over those of a step.

        Args:
            outputs: Of the model, with logits of shape [texts, labels].
            targets: Ids of shape [texts], or shares of shape [texts, labels].
            num_items_in_batch: Elements of the targets in all batches of the step, on all devices; None where this
                batch stands alone.
        """
        logits = outputs["logits"].float()
        if targets.is_floating_point():
            weights = None if self._weights is None else self._weights.to(logits.device)
            total = cross_entropy(logits, targets, weights, label_smoothing=self._smoothing, reduction="sum")
        else:
            total = cross_entropy(logits, targets, reduction="sum")
        items = targets.numel() if num_items_in_batch is None else num_items_in_batch
        return total * (targets.numel() / len(targets)) / items


class BinaryCrossEntropy:
    """Cross-entropy of each label for itself, which a text has or has not: the mean over texts and labels.

    Only scores of a floating-point type are smoothed and weighted, so a validation loss, which is of whole 0 and 1, is
    plain.
    """

    def __init__(self, smoothing: float, weights: Sequence[float] | None = None) -> None:
        """Takes the share, 0…1, by which each score is drawn to one half.

        Args:
            smoothing: That share.
            weights: What the texts that have a label count, in id order; None where all count 1.
        """
        self._smoothing = smoothing
        self._weights = None if weights is None else torch.tensor(weights)

    def __call__(self, outputs: Any, targets: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Returns the mean loss of a batch, or this batch's part of the mean over those of a step.

        Args:
            outputs: Of the model, with logits of shape [texts, labels].
            targets: 0, 1 or a score between them, of shape [texts, labels].
            num_items_in_batch: As `CrossEntropy` takes it.
        """
        logits, weights = outputs["logits"].float(), None
        if targets.is_floating_point():
            targets = targets * (1 - self._smoothing) + self._smoothing / 2
            weights = None if self._weights is None else self._weights.to(logits.device)
        total = binary_cross_entropy_with_logits(logits, targets.float(), pos_weight=weights, reduction="sum")
        return total / (targets.numel() if num_items_in_batch is None else num_items_in_batch)


def loss_of(
    problem_type: str | None, smoothing: float, weights: Sequence[float] | None = None
) -> CrossEntropy | BinaryCrossEntropy:
    """Returns the loss of a model, by the problem type of its config."""
    kind = BinaryCrossEntropy if problem_type == MULTI_LABEL else CrossEntropy
    return kind(smoothing, weights)
