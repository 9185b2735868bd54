"""Scores and thresholds of a trained model, fitted on validation and further domains, and what it is worth then."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import Calibration, ConfidentGoals
from schemas.problem_type import MULTI_LABEL
from trainer.artifact.loading import names_of
from trainer.data.domains import HOME, Domain
from trainer.evaluation import out_of_domain
from trainer.evaluation.assessment import Assessment, assess
from trainer.evaluation.calibration import (
    Labelled,
    divided_by_halves,
    fit_temperature,
    fold_temperature,
    judged,
    last_layer,
    score_quality,
    temperatures_of_halves,
)
from trainer.evaluation.confidence import ACCURACY_GOAL, LEAST_KEPT, cross_fitted_confidence, suggest_threshold
from trainer.evaluation.decision import DecisionRule, EachLabel, OneLabel
from trainer.evaluation.domains import DomainOutputs, domain_outputs, highest_scores
from trainer.evaluation.drift import drift_reference
from trainer.evaluation.goals import (
    DOMAIN_GOAL,
    WITHOUT_FEELING_GOAL,
    Answers,
    held_out_shares,
    suggest_for_domains,
)
from trainer.evaluation.label_fitting import fit_labels
from trainer.evaluation.multi_label import DEFAULT_THRESHOLD
from trainer.evaluation.outputs import outputs_of

_MIN_TEXTS = 20
_SUITE_TEXTS = 1000  # each is labelled in a dozen forms


@dataclass(frozen=True)
class _Logits:
    """Of all texts that temperature and threshold are fitted on."""

    home: Labelled
    further: Mapping[str, Labelled]
    """Of each domain with texts that have a right label."""
    without_feeling: NDArray[Any]
    """Of shape [texts, labels]; empty where they are too few to ask anything of them."""

    def changed(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> "_Logits":
        """Returns the same texts with other logits."""
        further = {name: (change(logits), ids) for name, (logits, ids) in self.further.items()}
        others = self.without_feeling
        return _Logits((change(self.home[0]), self.home[1]), further, change(others) if len(others) else others)

    def answers(self) -> Answers:
        """Returns the highest score of each text, and whether its label is right."""
        splits = {HOME: self.home, **self.further}
        return Answers({name: judged(*own) for name, own in splits.items()}, highest_scores(self.without_feeling))


def calibrate_and_measure(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    texts: list[str],
    targets: Sequence[Any],
    domains: Sequence[Domain],
) -> tuple[dict[str, Any], Assessment]:
    """Calibrates a model on the validation split, suggests thresholds, and measures what will be stored.

    Where there are further domains, each has its part in both.

    Args:
        model: The trained model.
        tokenizer: Its tokenizer.
        texts: Of the validation split.
        targets: The right label of each, of shape [texts]; of a model whose labels each stand for themselves 1 for each
            right label, else 0, of shape [texts, labels].
        domains: Further data; none for such a model.

    Returns:
        The manifest's fields that follow from it, and everything that was measured.
    """
    right = np.array(targets)
    logits = outputs_of(model, tokenizer, texts).logits.astype(np.float64)
    if right.ndim == 2:
        fields, rule = _each_label(model, logits, right)
    else:
        further = [domain_outputs(model, tokenizer, domain) for domain in domains]
        fields, rule = _one_label(model, (logits, right), further)
    outside = out_of_domain.load_texts(out_of_domain.OWN_TEXTS)
    assessment = assess(model, tokenizer, texts, right, rule, texts[:_SUITE_TEXTS], outside, domains)
    each = [figures for _, figures in assessment.domains]
    fields["metrics"] = {HOME: assessment.metrics} | {own.name: own.metrics for own in each if own.metrics}
    fields["without_feeling"] = {own.name: own.without_feeling for own in each if own.without_feeling}
    fields["reference"] = drift_reference(assessment.outputs, names_of(model), rule)
    return fields, assessment


def _each_label(
    model: PreTrainedModel, logits: NDArray[Any], flags: NDArray[Any]
) -> tuple[dict[str, Any], DecisionRule]:
    names = names_of(model)
    fields: dict[str, Any] = {"problem_type": MULTI_LABEL}
    layer = _layer_to_calibrate(model, len(flags))
    if len(flags) < _MIN_TEXTS:
        return fields, EachLabel(np.full(len(names), DEFAULT_THRESHOLD))
    thresholds, fits = fit_labels(layer, logits, flags, names)
    fields |= {"thresholds": dict(zip(names, thresholds.tolist(), strict=True)), "label_fits": fits}
    return fields, EachLabel(thresholds)


def _one_label(
    model: PreTrainedModel, home: Labelled, further: Sequence[DomainOutputs]
) -> tuple[dict[str, Any], DecisionRule]:
    calibration, fitted, held_out = _calibrate(model, _logits(home, further))
    fields: dict[str, Any]
    if further:
        fields = _with_goals(calibration, fitted, held_out)
    else:
        fields = {"calibration": calibration, "confident_score": suggest_threshold(*judged(*fitted.home))}
    return fields, OneLabel(fields["confident_score"])


def _logits(home: Labelled, further: Sequence[DomainOutputs]) -> _Logits:
    others = np.concatenate([home[0][:0], *(own.without_feeling for own in further)])
    labelled = {own.domain.name: own.labelled for own in further if len(own.labelled[1])}
    return _Logits(home, labelled, others if len(others) >= LEAST_KEPT else others[:0])


def _calibrate(model: PreTrainedModel, fitted: _Logits) -> tuple[Calibration | None, _Logits, _Logits]:
    """Fits a temperature and folds it into the model's head, or says why not.

    Returns:
        What was done, the logits that the model has now, and those that each half has by the temperature of the others.
    """
    logits, ids = fitted.home
    layer = _layer_to_calibrate(model, len(ids))
    if layer is None:
        return None, fitted, fitted
    splits = (fitted.home, *fitted.further.values())
    temperature = fit_temperature(*fitted.home, *splits[1:])
    fold_temperature(layer, temperature)
    held_out = fitted.changed(partial(divided_by_halves, temperatures=temperatures_of_halves(*splits)))
    coverage, accuracy = cross_fitted_confidence(*judged(*held_out.home)) or (None, None)
    calibration = Calibration(
        temperature=temperature,
        before=score_quality(logits, ids),
        after=score_quality(held_out.home[0], ids),
        held_out_coverage=coverage,
        held_out_accuracy=accuracy,
    )
    return calibration, fitted.changed(lambda own: own / temperature), held_out


def _layer_to_calibrate(model: PreTrainedModel, texts: int) -> torch.nn.Linear | None:
    """Returns the layer that a calibration is folded into, or says why there is none."""
    layer = last_layer(model)
    if layer is not None and texts >= _MIN_TEXTS:
        return layer
    reason = (
        f"{type(model).__name__} does not end in one linear layer with an output for each label"
        if layer is None
        else f"that takes {_MIN_TEXTS} validation texts or more, here are {texts}"
    )
    sys.stderr.write(f"emotion-trainer: the scores stay uncalibrated: {reason}\n")
    return None


def _with_goals(calibration: Calibration | None, fitted: _Logits, held_out: _Logits) -> dict[str, Any]:
    """Returns the manifest's fields of the threshold that has to keep its word in all domains; says what it misses."""
    answers = fitted.answers()
    suggestion = suggest_for_domains(answers)
    for missed in suggestion.missed:
        sys.stderr.write(f"emotion-trainer: no score reaches all that is asked of confident labels: {missed}\n")
    shares, others = held_out_shares(held_out.answers()) or (None, None)
    if calibration is not None:
        home = shares[HOME] if shares else None
        figures = {"held_out_coverage": home and home.coverage, "held_out_accuracy": home and home.accuracy}
        calibration = calibration.model_copy(update=figures)
    goals = ConfidentGoals(
        validation=ACCURACY_GOAL,
        domains=DOMAIN_GOAL,
        without_feeling=WITHOUT_FEELING_GOAL if len(answers.without_feeling) else None,
        missed=suggestion.missed,
        held_out=shares,
        held_out_without_feeling=others,
    )
    return {"calibration": calibration, "confident_score": suggestion.score, "confident_goals": goals}
