"""What is known of a classifier once it is loaded."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from worker.model.packing import Inputs


@dataclass(frozen=True)
class Classifier:
    """A classifier on its device, ready to predict.

    `logits` gives `[texts, labels]`. `labels` names them by their number. `positions` is the most tokens that a text
    may have. `matrix_weights` are those that every token is multiplied with: two operations each. Rows of `row_tokens`
    tokens hold several texts (0: each text has its own), and had better be a multiple of `step_tokens` wide.
    """

    logits: Callable[[Inputs], torch.Tensor]
    labels: dict[int, str]
    pad_id: int
    positions: int
    matrix_weights: int
    row_tokens: int = 0
    step_tokens: int = 1
