"""What a model is worth: a trained one is calibrated and measured, and an artifact is measured again on any split."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import Calibration, SplitMetrics
from trainer.artifact.loading import load_artifact, names_of, read_manifest
from trainer.data.labels import label_ids
from trainer.data.rows import Columns
from trainer.data.splits import load_split
from trainer.evaluation import metrics, out_of_domain, robustness
from trainer.evaluation.calibration import cross_fitted, fit_temperature, fold_temperature, last_layer, score_quality
from trainer.evaluation.confidence import cross_fitted_confidence, suggest_threshold
from trainer.evaluation.drift import drift_reference
from trainer.evaluation.metrics import split_metrics
from trainer.evaluation.outputs import Outputs, outputs_of

_MIN_TEXTS = 20
_SUITE_TEXTS = 1000  # each is labelled in a dozen forms


@dataclass(frozen=True)
class Assessment:
    """The figures of a split, and of the suites that were asked for."""

    metrics: SplitMetrics
    robustness: robustness.Robustness | None
    out_of_domain: out_of_domain.OutOfDomain | None
    outputs: Outputs
    ids: NDArray[Any]
    """The right label of each text, of shape [texts]."""

    def as_json(self) -> str:
        """Returns one JSON object: the figures of the split, and `robustness` and `out_of_domain` where measured."""
        figures = self.metrics.model_dump()
        for name, suite in (("robustness", self.robustness), ("out_of_domain", self.out_of_domain)):
            if suite is not None:
                figures[name] = suite.as_dict()
        return json.dumps(figures, ensure_ascii=False)

    def as_table(self) -> str:
        """Returns the figures for people."""
        parts = [metrics.as_table(self.metrics)]
        if self.robustness is not None:
            parts.append(robustness.as_table(self.robustness))
        if self.out_of_domain is not None:
            parts.append(out_of_domain.as_table(self.out_of_domain))
        return "\n\n".join(parts)


def evaluate_artifact(
    artifact: Path, data: str, split: str, columns: Columns, with_robustness: bool, outside: Path | None
) -> Assessment:
    """Labels a split with an artifact, in float32.

    Args:
        artifact: Model folder.
        data: As in `load_split`, like split and columns.
        split: Name of the split.
        columns: Names of the columns.
        with_robustness: Whether to run the robustness suites on its texts too.
        outside: File of texts from outside the domain to compare with, if any.

    Raises:
        UserError: if the artifact or the data cannot be used.
    """
    loaded = load_split(data, split, columns)
    kinds = outside and out_of_domain.load_texts(outside)
    model, tokenizer = load_artifact(artifact, "float32")
    manifest = read_manifest(artifact)
    threshold = manifest.confident_score if manifest else None
    ids = np.array(label_ids(loaded, names_of(model)))
    return assess(model, tokenizer, loaded.texts, ids, threshold, loaded.texts if with_robustness else [], kinds or {})


def assess(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    texts: list[str],
    ids: NDArray[Any],
    confident_score: float | None,
    suite_texts: Sequence[str],
    outside: Mapping[str, list[str]],
) -> Assessment:
    """Measures a model.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        texts: Of a split.
        ids: The right label of each, of shape [texts].
        confident_score: The model's threshold.
        suite_texts: Texts to run the robustness suites on; none: they are not run.
        outside: Texts from outside the domain, by kind; none: nothing is compared.
    """
    names = names_of(model)
    inside = outputs_of(model, tokenizer, texts)

    def score(some: Sequence[str]) -> NDArray[Any]:
        probabilities: NDArray[Any] = softmax(outputs_of(model, tokenizer, some).logits, axis=1)
        return probabilities

    suites = robustness.run_suites(score, names, suite_texts, confident_score) if suite_texts else None
    others = [text for kind in outside.values() for text in kind]
    compared = None
    if others:
        found = outputs_of(model, tokenizer, others)
        compared = out_of_domain.measure_out_of_domain(inside, ids.tolist(), found, outside, confident_score)
    return Assessment(split_metrics(inside.logits, ids, names, confident_score), suites, compared, inside, ids)


def calibrate_and_measure(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: list[str], label_ids: Sequence[int]
) -> tuple[dict[str, Any], Assessment]:
    """Calibrates a model on the validation split, suggests a threshold, and measures what will be stored.

    Returns:
        The manifest's fields that follow from it, and everything that was measured.
    """
    ids = np.array(label_ids)
    logits = outputs_of(model, tokenizer, texts).logits.astype(np.float64)
    calibration = _calibrate(model, logits, ids)
    if calibration is not None:
        logits = logits / calibration.temperature
    threshold = suggest_threshold(*_answers(logits, ids))
    outside = out_of_domain.load_texts(out_of_domain.OWN_TEXTS)
    assessment = assess(model, tokenizer, texts, ids, threshold, texts[:_SUITE_TEXTS], outside)
    fields = {
        "calibration": calibration,
        "confident_score": threshold,
        "metrics": {"validation": assessment.metrics},
        "reference": drift_reference(assessment.outputs, names_of(model)),
    }
    return fields, assessment


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
