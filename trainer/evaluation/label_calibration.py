"""Scores of each label that mean what they say: a scale and a shift of its logits, folded into the classifier's head.

Platt 1999, "Probabilistic Outputs for Support Vector Machines". The scale is above 0, so that no label's order of texts
changes. The last layer is linear, so changing a label's row of weights does the same for every loader of the folder.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Scaling = NDArray[Any]
"""Scale and shift of each label's logits, of shape [2, labels]."""

Free = tuple[bool, bool]
"""Whether a scale can be folded into the last layer, and whether a shift: not where it has no bias."""

_LOG_SCALES = (-3.0, 3.0)  # 0.05 to 20


def fit_scaling(logits: NDArray[Any], right: NDArray[np.bool_], own: NDArray[np.bool_], free: Free) -> Scaling:
    """Returns the scale and shift of each label with the least binary cross-entropy.

    The targets are not quite 0 and 1, as in Platt: on a split without a mistake the best scale would else have no end.

    Args:
        logits: Of shape [texts, labels].
        right: Whether a label is right for a text, of shape [texts, labels].
        own: Whether a label has texts enough for a fit of its own, of shape [labels]. The others share one that is
            fitted on the decisions of all labels.
        free: What may be fitted; the rest stays 1 and 0.
    """
    shared = None if own.all() else _fit(logits.ravel(), right.ravel(), free)
    each = [
        _fit(of_label, is_right, free) if is_own else shared
        for of_label, is_right, is_own in zip(logits.T, right.T, own, strict=True)
    ]
    return np.array(each).T


def _fit(logits: NDArray[Any], right: NDArray[np.bool_], free: Free) -> tuple[float, float]:
    positives = int(right.sum())
    low, high = 1 / (len(right) - positives + 2), (positives + 1) / (positives + 2)
    targets = np.where(right, high, low)

    def loss(at: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        scale, shift = np.exp(at[0]), at[1]
        changed = scale * logits + shift
        residuals = expit(changed) - targets
        value = (np.logaddexp(0, changed) - targets * changed).mean()
        return value, np.array([(residuals * logits).mean() * scale, residuals.mean()])

    bounds = [_LOG_SCALES if free[0] else (0, 0), (None, None) if free[1] else (0, 0)]
    found = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds)
    return float(np.exp(found.x[0])), float(found.x[1])


def scaled(logits: NDArray[Any], scaling: Scaling) -> NDArray[Any]:
    """Returns the logits with each label's scale and shift; of shape [texts, labels], as they are."""
    changed: NDArray[Any] = logits * scaling[0] + scaling[1]
    return changed


def fold_scaling(layer: torch.nn.Linear, scaling: Scaling) -> None:
    """Gives all future logits of a last layer each label's scale and shift."""
    scale, shift = torch.tensor(scaling, dtype=layer.weight.dtype, device=layer.weight.device)
    with torch.no_grad():
        layer.weight.mul_(scale[:, None])
        if layer.bias is not None:
            layer.bias.mul_(scale).add_(shift)
