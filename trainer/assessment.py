"""What happens to a model between its training and its artifact: it is calibrated and measured."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import Calibration
from trainer.artifact import names_of
from trainer.calibration import cross_fitted, fit_temperature, fold_temperature, last_layer, score_quality
from trainer.confidence import cross_fitted_confidence, suggest_threshold
from trainer.evaluation import outputs_of, split_metrics

_MIN_TEXTS = 20


def calibrate_and_measure(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], label_ids: Sequence[int]
) -> dict[str, Any]:
    """Calibrates a model on the validation split, suggests a threshold, and measures what will be stored.

    Returns:
        The manifest's fields `calibration`, `confident_score` and `metrics`.
    """
    ids = np.array(label_ids)
    logits = outputs_of(model, tokenizer, texts).logits.astype(np.float64)
    calibration = _calibrate(model, logits, ids)
    if calibration is not None:
        logits = logits / calibration.temperature
    threshold = suggest_threshold(*_answers(logits, ids))
    return {
        "calibration": calibration,
        "confident_score": threshold,
        "metrics": {"validation": split_metrics(logits, ids, names_of(model), threshold)},
    }


def _calibrate(model: PreTrainedModel, logits: NDArray[Any], ids: NDArray[Any]) -> Calibration | None:
    """Fits a temperature and folds it into the model's head, or says why not."""
    layer = last_layer(model)
    if layer is None or len(ids) < _MIN_TEXTS:
        reason = (
            f"{type(model).__name__} does not end in one linear layer with an output for each label"
            if layer is None
            else f"a temperature is fitted on {_MIN_TEXTS} validation texts or more, here are {len(ids)}"
        )
        sys.stderr.write(f"emotion-trainer: the scores stay uncalibrated: {reason}\n")
        return None
    temperature = fit_temperature(logits, ids)
    fold_temperature(layer, temperature)
    held_out = cross_fitted(logits, ids)
    coverage, accuracy = cross_fitted_confidence(*_answers(held_out, ids)) or (None, None)
    return Calibration(
        temperature=temperature,
        before=score_quality(logits, ids),
        after=score_quality(held_out, ids),
        held_out_coverage=coverage,
        held_out_accuracy=accuracy,
    )


def _answers(logits: NDArray[Any], ids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns the highest score of each text, and whether its label is right, each of shape [texts]."""
    probabilities = softmax(logits, axis=1)
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == ids
