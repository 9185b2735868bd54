"""Counts what a delivered window held."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from schemas.dead_letter import HEADER_PREFIX, Reason
from schemas.review_record import ReviewReason
from schemas.text_message import SkipReason
from worker.flow import Outcome, Prediction, Record, Reviews, TokenizedText
from worker.observe.drift_alarm import DriftAlarm
from worker.observe.metrics import Meters, observe_many
from worker.observe.stream_metrics import (
    CACHE_HITS,
    DEAD_LETTERS,
    DEDUPLICATED,
    END_TO_END_SECONDS,
    REVIEWS,
    REVIEWS_HELD_BACK,
    SKIPPED,
    TOMBSTONES,
)

_REASON = HEADER_PREFIX + "reason"


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


class LabelCounting(Protocol):
    """Turns predictions into metrics."""

    def add(self, predictions: list[Prediction], texts: list[TokenizedText]) -> None:
        """Count the labels of these predictions; `texts` are all that were looked at."""

    def publish(self) -> Mapping[str, float]:
        """Bring what changes slowly up to date; gives the distance of each feature of the texts from the reference."""


class WindowCounter:
    """Turns the contents of delivered windows into metrics, all of a window at once."""

    def __init__(
        self,
        meters: Meters,
        labels: LabelCounting,
        dead_letter_topic: str,
        alarm: DriftAlarm,
    ) -> None:
        """Make the series of all reasons, so that each starts at zero.

        Args:
            meters: Where figures go.
            labels: Counts the labels.
            dead_letter_topic: Where outcomes go that are no labels.
            alarm: Hears how far the stream has drifted.
        """
        self._alarm = alarm
        self._meters = meters
        self._dead_letter_topic = dead_letter_topic
        self._labels = labels
        self._dead_letters = {reason.value: meters[DEAD_LETTERS].labels(reason.value) for reason in Reason}
        self._skipped = {reason: meters[SKIPPED].labels(reason.value) for reason in SkipReason}
        self._reviews = {reason.value: meters[REVIEWS].labels(reason.value) for reason in ReviewReason}

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
        self._labels.add(labelled, contents.texts)
        now_ms = time.time() * 1000
        stamps = [stamp for r in contents.records if (stamp := r.origin.timestamp_ms) is not None]
        # A clock of a producer that runs ahead must not make the sum fall.
        seconds = [(now_ms - stamp) / 1000 if stamp < now_ms else 0.0 for stamp in stamps]
        observe_many(self._meters[END_TO_END_SECONDS], seconds)

    def publish(self) -> None:
        """Bring what changes slowly up to date."""
        self._alarm(self._labels.publish())
