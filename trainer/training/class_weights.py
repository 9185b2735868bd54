"""Class weights: what the texts of a label count in the loss, so that frequent labels do not drown the others."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.labels import SHOWN_LABELS
from trainer.errors import UserError

BALANCED = "balanced"


def class_weights(given: Sequence[str], names: Sequence[str], texts: NDArray[Any], *, several: bool) -> list[float]:
    """Returns the weight of each label, in id order.

    Args:
        given: `balanced`, or a weight for each of some labels, such as `joy=2`; the others have 1.
        names: Of the labels, in id order.
        texts: What each label has of the training texts, of shape [texts, labels].
        several: Whether a text may have several labels: then a weight is that of the texts that have the label, and
            those that have it not count 1.

    Returns:
        Balanced weights are those of scikit-learn: texts / (labels · texts of the label), so that the weights of all
        texts are 1 on average where each label has a text; of several labels the texts without the label, divided by
        those with it. A label that no text has, or of several one that each text has, has 1.

    Raises:
        UserError: naming what is no weight of a label, or a label that is given twice.
    """
    if list(given) == [BALANCED]:
        counts = texts.sum(axis=0)
        weights = (len(texts) - counts if several else len(texts) / len(names)) / np.where(counts > 0, counts, np.nan)
        return [float(weight) if weight > 0 else 1.0 for weight in weights]
    by_name: dict[str, float] = {}
    for each in given:
        name, _, weight = each.rpartition("=")
        if name not in names or not re.fullmatch(r"\d*\.?\d+", weight) or not float(weight):
            raise UserError(
                f"--class-weights {each}: give {BALANCED}, or labels each with a weight above 0, such as "
                f"{names[0]}=2; labels: {', '.join(names[:SHOWN_LABELS])}{', …' if len(names) > SHOWN_LABELS else ''}"
            )
        if name in by_name:
            raise UserError(f"--class-weights {' '.join(given)}: {name} is given twice; give each label one weight")
        by_name[name] = float(weight)
    return [by_name.get(name, 1.0) for name in names]
