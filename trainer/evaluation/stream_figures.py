"""How right a model is on its stream, as people's answers to a drawn sample tell."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_jsonable_python

from schemas.manifest import Estimate
from trainer.evaluation.agreement import Agreement, agreement
from trainer.evaluation.stream_sample import StreamSample
from trainer.evaluation.weighted_ece import weighted_ece
from trainer.evaluation.weighted_f1 import weighted_f1
from trainer.evaluation.weighted_share import effective_number, weighted_share

HALF_WIDTH = 0.02
"""Of the interval that is asked for: ± 2 points."""


@dataclass(frozen=True)
class Confusion:
    """A pair of labels that the model takes for each other."""

    right: str
    given: str
    share: Estimate
    """Of the texts of the stream."""
    texts: int
    """Answered texts of the kind."""


@dataclass(frozen=True)
class StreamLabel:
    """How well one label is told on the stream; None where no text tells it."""

    share: Estimate | None
    """Of the texts of the stream that have it."""
    precision: Estimate | None
    recall: Estimate | None
    f1: float
    texts: int
    """Answered texts that have it."""


@dataclass(frozen=True)
class StreamFigures:
    """What is known of a stream."""

    source: str
    texts: int
    """Answered texts that are used."""
    effective_texts: float
    """How many drawn evenly would tell as much."""
    figures: Mapping[str, Estimate]
    """By name: accuracy, macro-F1 and, where the file has what they take, ECE, confident, right of the confident."""
    more_answers: Mapping[str, int]
    """Of each figure: about how many more answers, drawn as these, make its interval ± 2 points."""
    labels: Mapping[str, StreamLabel]
    confusions: Sequence[Confusion]
    """The most frequent on the stream first."""
    models: Mapping[str, tuple[int, Estimate]]
    """Texts and accuracy of each model, where several gave the labels."""
    agreement: Agreement | None
    left_out: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures as JSON has them."""
        plain: dict[str, Any] = to_jsonable_python(self)
        return plain


def stream_figures(sample: StreamSample, source: str) -> StreamFigures:
    """Returns the figures of a sample; `source` names its files."""
    weights, truth, given = sample.weights, sample.truth, sample.given
    right = (truth * given).sum(axis=1)
    figures = _figures(sample, right)
    return StreamFigures(
        source=source,
        texts=len(weights),
        effective_texts=effective_number(weights),
        figures=figures,
        more_answers={name: more_answers(figure, len(weights)) for name, figure in figures.items()},
        labels=_labels(sample),
        confusions=_confusions(sample),
        models=_models(sample, right),
        agreement=agreement([review.votes for review in sample.reviews]),
        left_out=sample.left_out,
    )


def more_answers(figure: Estimate, answers: int) -> int:
    """Returns about how many more answers make the interval of a figure ± 2 points: it shrinks with their root."""
    half = (figure.high - figure.low) / 2
    return max(0, math.ceil(answers * (half / HALF_WIDTH) ** 2) - answers)


def _figures(sample: StreamSample, right: NDArray[Any]) -> dict[str, Estimate]:
    weights = sample.weights
    found: dict[str, Estimate | None] = {
        "accuracy": weighted_share(weights, right),
        "macro-F1": weighted_f1(weights, sample.truth, sample.given).macro(),
    }
    draws = [review.draw for review in sample.reviews]
    if all(draw.score is not None for draw in draws):
        found["ECE"] = weighted_ece(weights, np.array([draw.score for draw in draws], float), right)
    if all(draw.confident is not None for draw in draws):
        confident = np.array([draw.confident for draw in draws], bool)
        found["confident"] = weighted_share(weights, confident.astype(float))
        found["right of the confident"] = weighted_share(weights[confident], right[confident])
    return {name: figure for name, figure in found.items() if figure is not None}


def _labels(sample: StreamSample) -> dict[str, StreamLabel]:
    weights, truth, given = sample.weights, sample.truth, sample.given
    f1 = weighted_f1(weights, truth, given).values
    return {
        name: StreamLabel(
            share=weighted_share(weights, truth[:, label]),
            precision=_share_of(weights * given[:, label], truth[:, label]),
            recall=_share_of(weights * truth[:, label], given[:, label]),
            f1=float(f1[label]),
            texts=int((truth[:, label] > 0).sum()),
        )
        for label, name in enumerate(sample.labels)
    }


def _share_of(weights: NDArray[Any], right: NDArray[Any]) -> Estimate | None:
    """Returns the share of the texts with a weight that are right."""
    counted = weights > 0
    return weighted_share(weights[counted], right[counted])


def _confusions(sample: StreamSample) -> list[Confusion]:
    found = []
    for right, right_name in enumerate(sample.labels):
        for given, given_name in enumerate(sample.labels):
            pair = sample.truth[:, right] * sample.given[:, given]
            share = weighted_share(sample.weights, pair)
            if right != given and pair.any() and share:
                found.append(Confusion(right_name, given_name, share, int((pair > 0).sum())))
    return sorted(found, key=lambda each: -each.share.value)


def _models(sample: StreamSample, right: NDArray[Any]) -> dict[str, tuple[int, Estimate]]:
    names = np.array([review.draw.model or "" for review in sample.reviews])
    if len(set(names)) < 2:
        return {}
    of_model = {str(name): names == name for name in dict.fromkeys(names.tolist())}
    shares = {name: weighted_share(sample.weights[own], right[own]) for name, own in of_model.items()}
    return {name: (int(of_model[name].sum()), share) for name, share in shares.items() if share}
