"""Scores that mean what they say: one temperature, fitted on validation and folded into the classifier's head.

Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks") divides the logits by one number,
which changes no label. The last layer is linear, so dividing its weights does the same for every loader of the folder.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from schemas.manifest import ScoreQuality
from trainer.evaluation.resampling import estimates, halves
from trainer.evaluation.weighted_ece import BINS, weighted_ece

Labelled = tuple[NDArray[Any], NDArray[Any]]
"""Logits of a split, of shape [texts, labels], and the right label of each text, of shape [texts]."""

_LOG_TEMPERATURES = (-3.0, 3.0)  # 0.05 to 20
_NEAR = 1e-3  # the search ends so close to a bound, and never on it


def last_layer(model: PreTrainedModel) -> torch.nn.Linear | None:
    """Returns the layer that the logits come out of, or None for a head that ends in something else.

    It is the linear layer beside the encoder with an output for each label: `classifier` in BERT, DistilBERT and
    DeBERTa, `classifier.out_proj` in RoBERTa, MPNet and ELECTRA.
    """
    encoder = set(model.base_model.modules()) if model.base_model is not model else set()
    found = [module for module in model.modules() if isinstance(module, torch.nn.Linear) and module not in encoder]
    layer = found[-1] if found else None
    return layer if layer is not None and layer.out_features == model.config.num_labels else None


def fold_temperature(layer: torch.nn.Linear, temperature: float) -> None:
    """Divides all future logits of a last layer by the temperature."""
    with torch.no_grad():
        layer.weight.div_(temperature)
        if layer.bias is not None:
            layer.bias.div_(temperature)


def fit_temperature(logits: NDArray[Any], ids: NDArray[Any], *further: Labelled) -> float:
    """Returns the temperature with the least negative log-likelihood.

    A share of 1 / (texts + 2) of each target goes to all labels alike, as in Platt (1999): on a split without a mistake
    the best temperature would else be 0, and every score 1.

    Args:
        logits: Of shape [texts, labels].
        ids: The right label of each text, of shape [texts].
        further: Logits and right labels of further splits; each has the weight of the first, however many its texts.
    """
    splits = [(torch.tensor(own, dtype=torch.float64), torch.tensor(right)) for own, right in ((logits, ids), *further)]

    def loss(log_temperature: float) -> float:
        losses = [
            cross_entropy(own / np.exp(log_temperature), right, label_smoothing=1 / (len(right) + 2)).item()
            for own, right in splits
        ]
        return sum(losses) / len(losses)

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_TEMPERATURES, method="bounded").x))


def is_at_bound(temperature: float) -> bool:
    """Returns whether a fitted temperature is the lowest or highest that is searched for: the best lies beyond."""
    lowest, highest = _LOG_TEMPERATURES
    return not lowest + _NEAR < np.log(temperature) < highest - _NEAR


def temperatures_of_halves(*splits: Labelled) -> list[float]:
    """Returns the temperature for each half of the texts of all splits, fitted on their other halves.

    Figures of what is divided by them are honest: no text was measured with a temperature that it helped to fit.
    """
    parts = [[(logits[fitted], ids[fitted]) for fitted, _ in halves(len(ids))] for logits, ids in splits]
    return [fit_temperature(*first, *further) for first, *further in zip(*parts, strict=True)]


def divided_by_halves(logits: NDArray[Any], temperatures: Sequence[float]) -> NDArray[Any]:
    """Returns each half of the logits divided by its own temperature, of shape [texts, labels]."""
    scaled = np.empty_like(logits, dtype=np.float64)
    for (_, measured), temperature in zip(halves(len(logits)), temperatures, strict=True):
        scaled[measured] = logits[measured] / temperature
    return scaled


def judged(logits: NDArray[Any], ids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns the highest score of each text, and whether its label is right, each of shape [texts].

    Arguments as in `fit_temperature`.
    """
    probabilities = softmax(logits.astype(np.float64), axis=1)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == ids


def reliability(scores: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Returns texts, mean score and accuracy of each of the bins of equal width, each of shape [bins].

    Args:
        scores: The highest score of each text, of shape [texts].
        right: Whether its label is right, of shape [texts].
    """
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    sums = (np.bincount(bins, weights=values, minlength=BINS) for values in (scores, right))
    mean_score, accuracy = (total / np.maximum(counts, 1) for total in sums)
    return counts, mean_score, accuracy


def calibration_error(scores: NDArray[Any], right: NDArray[Any]) -> float:
    """Returns the expected calibration error: the mean gap of score and accuracy over the bins, weighted by texts.

    Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning"; arguments as in `reliability`.
    """
    counts, mean_score, accuracy = reliability(scores, right)
    return float(np.abs(mean_score - accuracy) @ counts / len(scores))


def brier_scores(probabilities: NDArray[Any], ids: NDArray[Any]) -> NDArray[Any]:
    """Returns the squared distance of each text's scores from its label, 0 to 2, of shape [texts] (Brier 1950)."""
    squared: NDArray[Any] = ((probabilities - np.eye(probabilities.shape[1])[ids]) ** 2).sum(axis=1)
    return squared


def score_quality(logits: NDArray[Any], ids: NDArray[Any]) -> ScoreQuality:
    """Returns ECE, Brier score and loss with their intervals; arguments as in `fit_temperature`.

    Those of Brier score and loss are of the bootstrap. Its samples would show more ECE than the split does, and that
    shows more than there is.
    """
    probabilities = softmax(logits.astype(np.float64), axis=1)
    scores, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == ids
    brier = brier_scores(probabilities, ids)
    losses = cross_entropy(torch.tensor(logits, dtype=torch.float64), torch.tensor(ids), reduction="none").numpy()
    figures = estimates(
        lambda texts: {
            "brier": float(brier[texts].mean()),
            "loss": float(losses[texts].mean()),
        },
        len(ids),
    )
    return ScoreQuality(ece=weighted_ece(np.ones(len(ids)), scores, right), **figures)
