"""An old and a new model side by side: on each kind of texts, in speed, and in size."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_jsonable_python
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import Estimate
from trainer.artifact.loading import is_multi_label, load_artifact, names_of, read_manifest
from trainer.errors import UserError
from trainer.evaluation.compared_data import ComparedData
from trainer.evaluation.decision import OneLabel
from trainer.evaluation.outputs import outputs_of
from trainer.evaluation.paired import PairedFigures, paired_figures
from trainer.evaluation.weighted_ece import weighted_ece
from trainer.evaluation.weighted_share import weighted_share

_TIMED_TEXTS, _ROUNDS = 256, 3


@dataclass(frozen=True)
class Contender:
    """One of the two models."""

    folder: Path
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    confident_score: float | None

    @property
    def labels(self) -> list[str]:
        """In id order."""
        return names_of(self.model)

    def scores(self, texts: Sequence[str], labels: Sequence[str]) -> NDArray[Any]:
        """Returns the scores of texts, of shape [texts, labels], in the order of the labels given."""
        logits = outputs_of(self.model, self.tokenizer, texts).logits
        return OneLabel().scores(logits)[:, [self.labels.index(label) for label in labels]]


@dataclass(frozen=True)
class ScoreFigures:
    """How far the scores of a model can be believed; the last two are None for a model without a threshold."""

    ece: Estimate
    confident: Estimate | None
    right_of_confident: Estimate | None


@dataclass(frozen=True)
class OnData:
    """Both models on one kind of texts."""

    texts: int
    paired: PairedFigures
    old: ScoreFigures
    new: ScoreFigures
    left_out: Mapping[str, int]
    """How many answers or texts are not used, by the reason in words."""


@dataclass(frozen=True)
class Footprint:
    """What a model takes."""

    parameters: int
    bytes: int
    """Of its files of weights."""
    texts_per_second: float
    """In float32 on this machine, the best of three rounds in which both models took turns."""


@dataclass(frozen=True)
class Comparison:
    """How a new model differs from an old one."""

    data: Mapping[str, OnData]
    old: Footprint
    new: Footprint

    def worse(self, margin: float) -> list[str]:
        """Returns which figures of the new model are lower by more than a margin, in words."""
        return [
            f"{figure} on {name} by {-each.difference.value:.4f}"
            for name, on in self.data.items()
            for figure, each in (("accuracy", on.paired.accuracy), ("macro-F1", on.paired.macro_f1))
            if each.difference.value < -margin
        ]

    def as_dict(self) -> dict[str, Any]:
        """Returns the figures as JSON has them."""
        plain: dict[str, Any] = to_jsonable_python(self)
        return plain


def load_contenders(old: Path, new: Path) -> tuple[Contender, Contender]:
    """Loads both models, in float32.

    Raises:
        UserError: if one cannot be used, gives several labels a text, or has other labels than the other.
    """
    first, second = _load(old), _load(new)
    if set(first.labels) != set(second.labels):
        raise UserError(
            f"{new}: its labels are {', '.join(second.labels)}, but those of {old} are {', '.join(first.labels)}; "
            "compare models of the same labels"
        )
    return first, second


def _load(folder: Path) -> Contender:
    manifest = read_manifest(folder)
    model, tokenizer = load_artifact(folder, "float32")
    if is_multi_label(model):
        raise UserError(
            f"{folder}: gives any number of labels a text; only models of one label are compared: evaluate it"
        )
    return Contender(folder, model, tokenizer, manifest.confident_score if manifest else None)


def compare(old: Contender, new: Contender, kinds: Sequence[ComparedData]) -> Comparison:
    """Measures both models on each kind of texts."""
    data = {kind.name: _on_data(old, new, kind) for kind in kinds}
    texts = [text for kind in kinds for text in kind.texts][:_TIMED_TEXTS]
    old_seconds, new_seconds = _seconds(*(lambda own=own: own.scores(texts, own.labels) for own in (old, new)))
    return Comparison(
        data=data,
        old=_footprint(old, len(texts) / old_seconds),
        new=_footprint(new, len(texts) / new_seconds),
    )


def _on_data(old: Contender, new: Contender, kind: ComparedData) -> OnData:
    labels = old.labels
    old_scores, new_scores = old.scores(kind.texts, labels), new.scores(kind.texts, labels)
    old_given, new_given = OneLabel().given(old_scores) * 1.0, OneLabel().given(new_scores) * 1.0
    return OnData(
        texts=len(kind.texts),
        paired=paired_figures(kind.weights, kind.truth, old_given, new_given, labels),
        old=_score_figures(kind, old_scores, old_given, old.confident_score),
        new=_score_figures(kind, new_scores, new_given, new.confident_score),
        left_out=kind.left_out,
    )


def _score_figures(
    kind: ComparedData, scores: NDArray[Any], given: NDArray[Any], confident_score: float | None
) -> ScoreFigures:
    right, highest = (kind.truth * given).sum(axis=1), scores.max(axis=1)
    ece = weighted_ece(kind.weights, highest, right)
    if confident_score is None:
        return ScoreFigures(ece, None, None)
    kept = highest >= confident_score
    return ScoreFigures(
        ece, weighted_share(kind.weights, kept.astype(float)), weighted_share(kind.weights[kept], right[kept])
    )


def _seconds(*runs: Callable[[], Any]) -> list[float]:
    """Returns the shortest time of each, which take turns, so that what else the machine does meets all alike."""
    best = [np.inf] * len(runs)
    for _ in range(_ROUNDS):
        for number, run in enumerate(runs):
            start = time.perf_counter()
            run()
            best[number] = min(best[number], time.perf_counter() - start)
    return best


def _footprint(own: Contender, texts_per_second: float) -> Footprint:
    return Footprint(
        parameters=own.model.num_parameters(),
        bytes=sum(file.stat().st_size for file in own.folder.glob("*.safetensors")),
        texts_per_second=texts_per_second,
    )
