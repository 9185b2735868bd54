"""Logits to scores, `[texts, labels]`: of one label a text, or of each label for itself."""

import torch


def softmax(logits: torch.Tensor) -> torch.Tensor:
    """Scores that sum to 1."""
    return logits.softmax(dim=1)


def sigmoid(logits: torch.Tensor) -> torch.Tensor:
    """Scores that stand each for itself; NaN, as a softmax has it, where the number format made a logit infinite."""
    return logits.sigmoid() + 0 * logits
