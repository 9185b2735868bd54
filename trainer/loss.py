"""The loss of soft targets."""

from typing import Any

from torch import Tensor
from torch.nn.functional import cross_entropy


class SoftCrossEntropy:
    """Cross-entropy against a distribution over the labels, in nats, as a transformers Trainer calls it.

    For a one-hot target it is transformers' own loss, with and without label smoothing (Szegedy et al., "Rethinking the
    Inception Architecture", 2016). Only training is smoothed: a validation loss is plain, and compares between runs.
    """

    def __init__(self, smoothing: float) -> None:
        """Takes the share of each target, 0…1, that is spread evenly over all labels."""
        self._smoothing = smoothing

    def __call__(self, outputs: Any, targets: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Returns the mean loss of a batch.

        Args:
            outputs: Of the model, with logits of shape [texts, labels].
            targets: Shares of shape [texts, labels] in training, ids of shape [texts] in validation.
            num_items_in_batch: Elements of the targets in all batches that make up one step, on all devices; None where
                this batch stands alone.
        """
        logits = outputs["logits"].float()
        if not targets.is_floating_point():
            return cross_entropy(logits, targets)
        total = cross_entropy(logits, targets, label_smoothing=self._smoothing, reduction="sum")
        texts, labels = targets.shape
        return total / (texts if num_items_in_batch is None else num_items_in_batch / labels)
