"""Counts labels that were given, and says by which model."""

import platform
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from operator import ge
from typing import Any, Literal, Protocol

from schemas.manifest import DriftReference
from worker.flow import ModelInfo, Prediction, TokenizedText
from worker.observe.canary_metrics import MODEL_LABELS, MODEL_NOT_CONFIDENT, MODEL_SCORE
from worker.observe.drift import DriftWatch
from worker.observe.metrics import Meters, observe_many
from worker.observe.runtime_metrics import BUILD_INFO, DEVICE_MEMORY_BYTES, DRIFT, MODEL_INFO
from worker.observe.stream_metrics import LABELS, LABELS_GIVEN, NOT_CONFIDENT, SCORE, TRUNCATED

Role = Literal["live", "canary"]


class MeasuredModel(Protocol):
    """What is shown of a model."""

    info: ModelInfo
    device: Any
    dtype: Any
    drift_reference: DriftReference | None

    def memory_bytes(self) -> int:
        """Memory of the device in use."""


def show_model(meters: Meters, model: MeasuredModel) -> None:
    """Say by which model, and by which versions of packages."""
    meters[MODEL_INFO].labels(model.info.name, model.info.revision, str(model.device), str(model.dtype)).set(1)
    packages = [version(package) for package in ("torch", "kafka-python")]
    meters[BUILD_INFO].labels(version("emotion-labeller"), platform.python_version(), *packages).set(1)


class LabelCounter:
    """Turns predictions into metrics, those of many texts at once."""

    def __init__(self, meters: Meters, model: MeasuredModel, unknown_id: int | None, role: Role | None = None) -> None:
        """Make the series of all labels, so that each starts at zero.

        Args:
            meters: Where figures go.
            model: What labels.
            unknown_id: The token that stands for what the tokenizer does not know, if there is one.
            role: Which of two models it is: its labels are then counted for it alone, too.
        """
        self._meters = meters
        self._model = model
        self._unknown_id = -1 if unknown_id is None else unknown_id
        self._drift = DriftWatch(model.drift_reference) if model.drift_reference else None
        self._labels = [[meters[LABELS].labels(label)] for label in model.info.labels]
        # Of a multi-label model: each label's own threshold, and how many texts reach it.
        thresholds = zip(model.info.labels, model.info.thresholds or [], strict=model.info.thresholds is not None)
        self._given = [(threshold, meters[LABELS_GIVEN].labels(label)) for label, threshold in thresholds]
        self._scores = [meters[SCORE]]
        self._not_confident = [meters[NOT_CONFIDENT]]
        self._feature_prefix = "canary_" if role == "canary" else ""
        if role:
            for label, counters in zip(model.info.labels, self._labels, strict=True):
                counters.append(meters[MODEL_LABELS].labels(role, label))
            self._scores.append(meters[MODEL_SCORE].labels(role))
            self._not_confident.append(meters[MODEL_NOT_CONFIDENT].labels(role))

    def add(self, predictions: list[Prediction], texts: list[TokenizedText]) -> None:
        """Count the labels of these predictions; `texts` are all that were looked at."""
        info = self._model.info
        scores = [max(p.scores) for p in predictions]
        by_index = Counter([p.scores.index(score) for p, score in zip(predictions, scores, strict=True)])
        for index, count in by_index.items():
            for counter in self._labels[index]:
                counter.inc(count)
        for index, (threshold, given) in enumerate(self._given):
            given.inc(sum([p.scores[index] >= threshold for p in predictions]))
        scores.sort()
        for histogram in self._scores:
            observe_many(histogram, scores)
        for counter in self._not_confident:
            counter.inc(self._not_confident_among(predictions, scores))
        self._meters[TRUNCATED].inc(sum([p.truncated for p in predictions]))
        if self._drift and texts:
            unknown = sum([text.ids.count(self._unknown_id) * len(text.requests) for text in texts])
            labels = {info.labels[index]: count for index, count in by_index.items()}
            tokens = [len(text.ids) for text in texts for _ in text.requests]
            self._drift.add(labels, scores, tokens, unknown)

    def publish(self) -> Mapping[str, float]:
        """Bring what changes slowly up to date; gives the distance of each feature of the texts from the reference."""
        self._meters[DEVICE_MEMORY_BYTES].set(self._model.memory_bytes())
        distances = self._drift.distances() if self._drift else {}
        distances = {self._feature_prefix + feature: distance for feature, distance in distances.items()}
        for feature, distance in distances.items():
            self._meters[DRIFT].labels(feature).set(distance)
        return distances

    def _not_confident_among(self, predictions: list[Prediction], ordered_scores: list[float]) -> int:
        """How many are not confident; of a multi-label model how many texts get no label."""
        info = self._model.info
        if info.thresholds is not None:
            return [any(map(ge, p.scores, info.thresholds)) for p in predictions].count(False)
        return 0 if info.confident_score is None else bisect_left(ordered_scores, info.confident_score)
