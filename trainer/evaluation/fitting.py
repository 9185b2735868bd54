"""Temperature and threshold of a trained model, fitted on validation and further domains, and what it is worth then."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import Calibration, ConfidentGoals
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
from trainer.evaluation.domains import DomainOutputs, domain_outputs, highest_scores
from trainer.evaluation.drift import drift_reference
from trainer.evaluation.goals import (
    DOMAIN_GOAL,
    WITHOUT_FEELING_GOAL,
    Answers,
    held_out_shares,
    suggest_for_domains,
)
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
    label_ids: Sequence[int],
    domains: Sequence[Domain],
) -> tuple[dict[str, Any], Assessment]:
    """Calibrates a model on the validation split, suggests a threshold, and measures what will be stored.

    Where there are further domains, each has its part in both.

    Returns:
        The manifest's fields that follow from it, and everything that was measured.
    """
    ids = np.array(label_ids)
    logits = outputs_of(model, tokenizer, texts).logits.astype(np.float64)
    further = [domain_outputs(model, tokenizer, domain) for domain in domains]
    fitted = _logits((logits, ids), further)
    calibration, fitted, held_out = _calibrate(model, fitted)
    fields: dict[str, Any]
    if further:
        fields = _with_goals(calibration, fitted, held_out)
    else:
        fields = {"calibration": calibration, "confident_score": suggest_threshold(*judged(*fitted.home))}
    outside = out_of_domain.load_texts(out_of_domain.OWN_TEXTS)
    threshold = fields["confident_score"]
    assessment = assess(model, tokenizer, texts, ids, threshold, texts[:_SUITE_TEXTS], outside, domains)
    each = [figures for _, figures in assessment.domains]
    fields["metrics"] = {HOME: assessment.metrics} | {own.name: own.metrics for own in each if own.metrics}
    fields["without_feeling"] = {own.name: own.without_feeling for own in each if own.without_feeling}
    fields["reference"] = drift_reference(assessment.outputs, names_of(model))
    return fields, assessment


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
    layer = last_layer(model)
    if layer is None or len(ids) < _MIN_TEXTS:
        reason = (
            f"{type(model).__name__} does not end in one linear layer with an output for each label"
            if layer is None
            else f"a temperature is fitted on {_MIN_TEXTS} validation texts or more, here are {len(ids)}"
        )
        sys.stderr.write(f"emotion-trainer: the scores stay uncalibrated: {reason}\n")
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
