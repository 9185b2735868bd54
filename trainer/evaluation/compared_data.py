"""The data that two models are compared on, each kind of texts by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.data.domains import load_domains
from trainer.data.labels import label_ids
from trainer.data.reviews import Reviews, load_reviews
from trainer.data.rows import Columns
from trainer.data.several_labels import load_own
from trainer.errors import UserError
from trainer.evaluation.stream_sample import stream_sample

REVIEWS = "reviews"
"""Name of the reviewed texts among the kinds."""


@dataclass(frozen=True)
class ComparedData:
    """Texts of one kind with their right labels."""

    name: str
    texts: list[str]
    truth: NDArray[Any]
    """1 for the right label, else 0; labels with as many votes share it. Of shape [texts, labels]."""
    weights: NDArray[Any]
    """1 / probability of having been drawn, or 1, of shape [texts]."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many answers or texts are not used, by the reason in words."""


def own_data(data: str, split: str, columns: Columns, config: str | None, labels: list[str]) -> ComparedData:
    """Returns a split with one label a text.

    Raises:
        UserError: if it cannot be read, or if its texts have several labels.
    """
    loaded = load_own(data, split, columns, config)
    if loaded.several:
        raise UserError(f"--data {data}: its texts have several labels; compare on texts of one label each")
    return _of_ids(split, loaded.texts, label_ids(loaded, labels), labels)


def domain_data(file: str | None, labels: list[str]) -> list[ComparedData]:
    """Returns the domains of a file, without their texts that have no right label.

    Raises:
        UserError: if one cannot be read, or has no text with a right label.
    """
    domains = load_domains("--datasets", file, labels)
    if empty := [domain.name for domain in domains if not domain.texts]:
        raise UserError(
            f"--datasets {file}, {empty[0]}: no text with a right label; leave it out, nothing can be compared"
        )
    return [_of_ids(domain.name, domain.texts, domain.ids, labels) for domain in domains]


def reviewed_data(files: list[str], labels: list[str]) -> ComparedData:
    """Returns the half of the reviewed texts that never trains.

    Raises:
        UserError: if they cannot be read, or if none of them can be used.
    """
    reviews = load_reviews(files)
    measuring = [each for each in reviews.reviews if each.measures and (each.draw.text or "").strip()]
    if not measuring:
        raise UserError(f"--reviews {reviews.source}: no text in the half that measures; give more answers, with texts")
    sample = stream_sample(Reviews(reviews.source, measuring, reviews.left_out), labels, judged=False)
    texts = [str(each.draw.text) for each in sample.reviews]
    return ComparedData(REVIEWS, texts, sample.truth, sample.weights, sample.left_out)


def _of_ids(name: str, texts: list[str], ids: list[int], labels: list[str]) -> ComparedData:
    return ComparedData(name, texts, np.eye(len(labels))[ids], np.ones(len(texts)))
