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
    tokens hold several texts (0: each text has its own), and had better be a multiple of `step_tokens` wide. `stand_in`
    gives the ids of a text of so many tokens that the model can surely compute. `pads_left` says on which side of the
    shorter texts of a batch the padding is.
    """

    logits: Callable[[Inputs], torch.Tensor]
    labels: dict[int, str]
    pad_id: int
    positions: int
    matrix_weights: int
    row_tokens: int = 0
    step_tokens: int = 1
    stand_in: Callable[[int], list[int]] = lambda tokens: [1] * tokens
    pads_left: bool = False
