"""Scores and thresholds of a model whose labels each stand for themselves: calibrated first, then thresholds."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from schemas.label_fit import LabelFit, LabelFits
from trainer.evaluation.label_calibration import Free, fit_scaling, fold_scaling, scaled
from trainer.evaluation.label_thresholds import fit_thresholds
from trainer.evaluation.multi_label import Thresholds, binary_cross_entropy, label_errors, label_f1
from trainer.evaluation.resampling import halves

LEAST_TEXTS = 10
"""A label that fewer texts have, or have not, shares the fit of such labels."""


def fit_labels(
    layer: torch.nn.Linear | None, logits: NDArray[Any], flags: NDArray[Any], names: Sequence[str]
) -> tuple[Thresholds, LabelFits]:
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
    if shared := [name for name, is_own in zip(names, own, strict=True) if not is_own]:
        which = ", ".join(shared)
        sys.stderr.write(f"emotion-trainer: too few texts for a calibration and a threshold of their own: {which}\n")
    free = (layer is not None, layer is not None and layer.bias is not None)
    scaling = fit_scaling(logits, right, own, free)
    if layer is not None:
        fold_scaling(layer, scaling)
    held_out, given = cross_fitted(logits, right, own, free)
    before, after = (label_errors(expit(of), right) for of in (logits, held_out))
    fits = LabelFits(
        least_texts=LEAST_TEXTS,
        loss_before=binary_cross_entropy(logits, flags),
        loss_after=binary_cross_entropy(held_out, flags),
        half_macro_f1=float(label_f1(right, logits >= 0).mean()),
        held_out_macro_f1=float(label_f1(right, given).mean()),
        labels={
            name: LabelFit(scale=scale, shift=shift, shared=not is_own, ece_before=was, ece_after=now)
            for name, scale, shift, is_own, was, now in zip(names, *scaling, own, before, after, strict=True)
        },
    )
    return fit_thresholds(scaled(logits, scaling), right, own), fits


def cross_fitted(
    logits: NDArray[Any], right: NDArray[np.bool_], own: NDArray[np.bool_], free: Free
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Returns the logits of each half with the scaling of the other half, and which labels its thresholds give them.

    Figures of these are honest: no text was measured with what it helped to fit. All is of shape [texts, labels], but
    `own` and `free`, which are those of `fit_scaling`.
    """
    held_out, given = np.empty_like(logits, dtype=np.float64), np.empty_like(right)
    for fitted, measured in halves(len(logits)):
        scaling = fit_scaling(logits[fitted], right[fitted], own, free)
        thresholds = fit_thresholds(scaled(logits[fitted], scaling), right[fitted], own)
        held_out[measured] = scaled(logits[measured], scaling)
        given[measured] = expit(held_out[measured]) >= thresholds
    return held_out, given
