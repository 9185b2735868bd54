"""Reviewed texts as numbers: weights, what is right, and what the model gave."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.labels import SHOWN_LABELS
from trainer.data.reviews import Review, Reviews
from trainer.errors import UserError


@dataclass(frozen=True)
class StreamSample:
    """Texts that were drawn from a stream, each with its probability of being drawn and its right label."""

    labels: list[str]
    """Of the model, and in this order below."""
    reviews: list[Review]
    weights: NDArray[Any]
    """1 / probability of having been drawn, of shape [texts]."""
    truth: NDArray[Any]
    """1 for the right label; labels with as many votes share it. Of shape [texts, labels]."""
    left_out: Mapping[str, int]
    """How many answers or texts are not used, by the reason in words."""

    @property
    def given(self) -> NDArray[Any]:
        """1 for the label that the worker gave, else 0, of shape [texts, labels]."""
        ids = [self.labels.index(str(each.draw.label)) for each in self.reviews]
        flags: NDArray[Any] = np.eye(len(self.labels))[ids]
        return flags


def stream_sample(reviews: Reviews, given_labels: Sequence[str] | None, *, judged: bool = True) -> StreamSample:
    """Returns the reviewed texts that can be weighed and judged.

    Args:
        reviews: As read.
        given_labels: Names of all labels of the model; None: those that its labels and scores in the file name.
        judged: Whether the labels that the worker gave are needed; else another model labels the texts.

    Raises:
        UserError: if none can be used, or if a label of the model is not among those given.
    """
    labels = list(given_labels or _labels_of(reviews.reviews))
    left_out: Counter[str] = Counter(reviews.left_out)
    used = []
    for review in reviews.reviews:
        reason = _why_not(review, labels, judged=judged)
        if reason:
            left_out[reason] += 1
        else:
            used.append(review)
    if not used:
        why = "; ".join(f"{reason}: {count}" for reason, count in left_out.items())
        raise UserError(
            f"{reviews.source}: no answer can be used ({why}); give those of `emotion-worker reviews export`"
        )
    truth = np.zeros((len(used), len(labels)))
    for row, review in zip(truth, used, strict=True):
        for label, share in review.truth.items():
            row[labels.index(label)] = share
    weights = np.array([1 / (review.draw.probability or 1) for review in used])
    return StreamSample(labels, used, weights, truth, dict(left_out))


def _labels_of(reviews: Sequence[Review]) -> list[str]:
    """Returns the labels that the model knows, in the order of its scores."""
    named = (name for each in reviews for name in (*(each.draw.scores or ()), each.draw.label) if name)
    return list(dict.fromkeys(named))


def _why_not(review: Review, labels: Sequence[str], *, judged: bool) -> str | None:
    """Returns why a text cannot be weighed or judged, or None if it can."""
    if review.draw.probability is None:
        return "texts without the probability of being drawn"
    if judged and review.draw.label is None:
        return "texts without the model's label"
    if judged and review.draw.label not in labels:
        known = ", ".join(labels[:SHOWN_LABELS])
        raise UserError(
            f"{review.place}: the model's label {review.draw.label!r} is not among --labels {known}; name all"
        )
    unknown = [label for label in review.truth if label not in labels]
    return f"texts that people call {unknown[0]!r}, which is no label of the model" if unknown else None
