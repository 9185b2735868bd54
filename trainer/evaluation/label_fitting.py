"""Scores and thresholds of a model whose labels each stand for themselves: calibrated first, then thresholds."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from schemas.label_fit import LabelFit, LabelFits
from trainer.evaluation.label_calibration import Scaling, fit_scaling, fold_scaling, scaled, unscaled
from trainer.evaluation.label_thresholds import fit_thresholds
from trainer.evaluation.multi_label import Thresholds, binary_cross_entropy, label_errors, label_f1
from trainer.evaluation.resampling import halves

LEAST_TEXTS = 50
"""A label that fewer texts have, or have not, shares the fit of such labels."""


@dataclass(frozen=True)
class Fit:
    """What was fitted, and what it is worth."""

    thresholds: Thresholds
    fits: LabelFits


def fit_labels(layer: torch.nn.Linear | None, logits: NDArray[Any], flags: NDArray[Any], names: Sequence[str]) -> Fit:
    """Calibrates the scores of each label, folded into the last layer, and finds the label's threshold.

    Args:
        layer: What the logits come out of; None where nothing can be folded into it: the scores stay as they are.
        logits: What the model makes of validation, of shape [texts, labels].
        flags: 1 for each right label of a text, else 0, of shape [texts, labels].
        names: Label names in id order.
    """
    right = flags >= 0.5
    texts = right.sum(axis=0)
    own = np.minimum(texts, len(right) - texts) >= LEAST_TEXTS
    scaling, thresholds = _fit(layer, logits, right, own)
    if layer is not None:
        fold_scaling(layer, scaling)
    held_out, given = np.empty_like(logits), np.empty_like(right)
    for fitted, measured in halves(len(logits)):
        half_scaling, half_thresholds = _fit(layer, logits[fitted], right[fitted], own)
        held_out[measured] = scaled(logits[measured], half_scaling)
        given[measured] = expit(held_out[measured]) >= half_thresholds
    shared = [name for name, is_own in zip(names, own, strict=True) if not is_own]
    if shared:
        sys.stderr.write(
            f"emotion-trainer: fewer than {LEAST_TEXTS} texts to fit a threshold on: {', '.join(shared)}\n"
        )
    before, after = (label_errors(expit(of), right) for of in (logits, held_out))
    fits = LabelFits(
        least_texts=LEAST_TEXTS,
        loss_before=binary_cross_entropy(logits, flags),
        loss_after=binary_cross_entropy(held_out, flags),
        half_macro_f1=float(label_f1(right, expit(logits) >= 0.5).mean()),
        held_out_macro_f1=float(label_f1(right, given).mean()),
        labels={
            name: LabelFit(scale=scale, shift=shift, shared=not is_own, ece_before=was, ece_after=now)
            for name, scale, shift, is_own, was, now in zip(names, *scaling, own, before, after, strict=True)
        },
    )
    return Fit(thresholds, fits)


def _fit(
    layer: torch.nn.Linear | None, logits: NDArray[Any], right: NDArray[np.bool_], own: NDArray[np.bool_]
) -> tuple[Scaling, Thresholds]:
    """Returns scale and shift of each label, and the thresholds of the scores that they give."""
    if layer is None:
        scaling = unscaled(logits.shape[1])
    else:
        scaling = fit_scaling(logits, right.astype(float), own, with_shift=layer.bias is not None)
    return scaling, fit_thresholds(expit(scaled(logits, scaling)), right, own)
