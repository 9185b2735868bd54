"""What the outputs of a classifier mean, by what config.json says of them."""

from typing import Literal

ProblemType = Literal["single_label_classification", "multi_label_classification"]

SINGLE_LABEL: ProblemType = "single_label_classification"
MULTI_LABEL: ProblemType = "multi_label_classification"


def problem_type_of(stated: str | None, outputs: int) -> ProblemType | None:
    """How scores are made of the outputs: by a softmax over all, or of each for itself by a sigmoid.

    Args:
        stated: `problem_type` in config.json; None where it says nothing.
        outputs: How many there are.

    Returns:
        The problem type; None for a regression, whose outputs are no labels. A single output is a label that a text has
        or has not, if the config calls it a classification; else it is a regression, as it is when it is trained.
    """
    if stated == MULTI_LABEL:
        return MULTI_LABEL
    if outputs == 1:
        return MULTI_LABEL if stated == SINGLE_LABEL else None
    return SINGLE_LABEL if stated in (None, SINGLE_LABEL) else None
