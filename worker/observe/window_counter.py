"""Counts what a delivered window held, and says by which model."""

import platform
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from operator import ge
from typing import Any, Protocol

from schemas.dead_letter import HEADER_PREFIX, Reason
from schemas.manifest import DriftReference
from schemas.review_record import ReviewReason
from schemas.text_message import SkipReason
from worker.flow import ModelInfo, Outcome, Prediction, Record, Reviews, TokenizedText
from worker.observe.drift import DriftWatch
from worker.observe.drift_alarm import DriftAlarm
from worker.observe.metrics import Meters, observe_many
from worker.observe.runtime_metrics import BUILD_INFO, DEVICE_MEMORY_BYTES, DRIFT, MODEL_INFO
from worker.observe.stream_metrics import (
    CACHE_HITS,
    DEAD_LETTERS,
    DEDUPLICATED,
    END_TO_END_SECONDS,
    LABELS,
    NOT_CONFIDENT,
    REVIEWS,
    REVIEWS_HELD_BACK,
    SCORE,
    SKIPPED,
    TOMBSTONES,
    TRUNCATED,
)

_REASON = HEADER_PREFIX + "reason"


class MeasuredModel(Protocol):
    """What is shown of a model."""

    info: ModelInfo
    device: Any
    dtype: Any
    drift_reference: DriftReference | None

    def memory_bytes(self) -> int:
        """Memory of the device in use."""


@dataclass
class WindowContents:
    """A window on its way: what came in, how many of its texts the model saw, what was said of all, what leaves."""

    records: list[Record] = field(default_factory=list)
    requests: int = 0
    texts: list[TokenizedText] = field(default_factory=list)
    computed: int = 0
    predictions: list[Prediction] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    reviews: Reviews = field(default_factory=Reviews)
    skipped: Mapping[SkipReason, int] = field(default_factory=dict)


class WindowCounter:
    """Turns the contents of delivered windows into metrics, all of a window at once."""

    def __init__(
        self,
        meters: Meters,
        model: MeasuredModel,
        unknown_id: int | None,
        dead_letter_topic: str,
        alarm: DriftAlarm,
    ) -> None:
        """Show the model, and make the series of all labels and reasons, so that each starts at zero.

        Args:
            meters: Where figures go.
            model: What labels.
            unknown_id: The token that stands for what the tokenizer does not know, if there is one.
            dead_letter_topic: Where outcomes go that are no labels.
            alarm: Hears how far the stream has drifted.
        """
        self._alarm = alarm
        self._meters = meters
        self._model = model
        self._unknown_id = -1 if unknown_id is None else unknown_id
        self._dead_letter_topic = dead_letter_topic
        self._drift = DriftWatch(model.drift_reference) if model.drift_reference else None
        self._labels = [meters[LABELS].labels(label) for label in model.info.labels]
        self._dead_letters = {reason.value: meters[DEAD_LETTERS].labels(reason.value) for reason in Reason}
        self._skipped = {reason: meters[SKIPPED].labels(reason.value) for reason in SkipReason}
        self._reviews = {reason.value: meters[REVIEWS].labels(reason.value) for reason in ReviewReason}
        meters[MODEL_INFO].labels(model.info.name, model.info.revision, str(model.device), str(model.dtype)).set(1)
        packages = [version(package) for package in ("torch", "kafka-python")]
        meters[BUILD_INFO].labels(version("emotion-labeller"), platform.python_version(), *packages).set(1)

    def add(self, contents: WindowContents) -> None:
        """Count a window that was delivered just now."""
        letters = {o.index: o for o in contents.outcomes if o.topic == self._dead_letter_topic}
        for letter in letters.values():  # the last header of the name is ours; an original may have one of its own
            self._dead_letters[dict(letter.headers)[_REASON].decode()].inc()
        for reason, count in contents.skipped.items():
            self._skipped[reason].inc(count)
        for cause, count in contents.reviews.reasons.items():
            self._reviews[cause].inc(count)
        self._meters[REVIEWS_HELD_BACK].inc(contents.reviews.held_back)
        labelled = contents.predictions
        if letters:  # a label that was too large for its topic is one of them
            labelled = [p for p in labelled if p.request.index not in letters]
        self._meters[TOMBSTONES].inc(len(contents.outcomes) - len(letters) - len(labelled))
        self._meters[DEDUPLICATED].inc(contents.requests - len(contents.texts))
        self._meters[CACHE_HITS].inc(len(contents.texts) - contents.computed)
        self._count_labels(labelled, contents.texts)
        now_ms = time.time() * 1000
        stamps = [stamp for r in contents.records if (stamp := r.origin.timestamp_ms) is not None]
        # A clock of a producer that runs ahead must not make the sum fall.
        seconds = [(now_ms - stamp) / 1000 if stamp < now_ms else 0.0 for stamp in stamps]
        observe_many(self._meters[END_TO_END_SECONDS], seconds)

    def publish(self) -> None:
        """Bring what changes slowly up to date."""
        self._meters[DEVICE_MEMORY_BYTES].set(self._model.memory_bytes())
        distances = self._drift.distances() if self._drift else {}
        for feature, distance in distances.items():
            self._meters[DRIFT].labels(feature).set(distance)
        self._alarm(distances)

    def _count_labels(self, predictions: list[Prediction], texts: list[TokenizedText]) -> None:
        info = self._model.info
        scores = [max(p.scores) for p in predictions]
        by_index = Counter([p.scores.index(score) for p, score in zip(predictions, scores, strict=True)])
        for index, count in by_index.items():
            self._labels[index].inc(count)
        scores.sort()
        observe_many(self._meters[SCORE], scores)
        if info.thresholds is not None:
            reached = [any(map(ge, p.scores, info.thresholds)) for p in predictions]
            self._meters[NOT_CONFIDENT].inc(reached.count(False))
        elif info.confident_score is not None:
            self._meters[NOT_CONFIDENT].inc(bisect_left(scores, info.confident_score))
        self._meters[TRUNCATED].inc(sum([p.truncated for p in predictions]))
        if self._drift:
            unknown = sum([text.ids.count(self._unknown_id) * len(text.requests) for text in texts])
            labels = {info.labels[index]: count for index, count in by_index.items()}
            tokens = [len(text.ids) for text in texts for _ in text.requests]
            self._drift.add(labels, scores, tokens, unknown)
