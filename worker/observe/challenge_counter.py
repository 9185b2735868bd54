"""Counts what a challenger compared."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from schemas.review_record import ReviewReason
from worker.observe.challenge_metrics import COMPARED, CONFIDENCE_CHANGED, DISAGREEMENTS, SCORE_GAP, UNMATCHED
from worker.observe.label_counter import MeasuredModel, show_model
from worker.observe.metrics import METRICS, Meters, observe_many
from worker.observe.runtime_metrics import DEVICE_MEMORY_BYTES
from worker.observe.stream_metrics import REVIEWS, REVIEWS_HELD_BACK
from worker.observe.window_counter import WindowContents

OF_CHALLENGER = frozenset(metric for metric in METRICS if metric.scope == "challenge")
"""What a challenger has beside the metrics of a loop."""

_MOST_LABELS = 40  # of each model: so many times so many series
_OTHER = "other"


class Compared(Protocol):
    """What is counted of a window."""

    @property
    def pairs(self) -> Mapping[tuple[str, str], int]:
        """Texts by both labels, the live one first."""

    @property
    def disagreements(self) -> Mapping[tuple[str, str], int]:
        """Those of them that count as such."""

    @property
    def score_gaps(self) -> Sequence[float]:
        """The challenger's score less the live one."""

    @property
    def confident(self) -> Mapping[tuple[bool, bool], int]:
        """Texts by whether both labels are confident."""

    @property
    def unmatched(self) -> Mapping[str, int]:
        """Labels that were not compared, by the reason."""


class ChallengeCounter:
    """Turns what was delivered into metrics."""

    def __init__(self, meters: Meters, model: MeasuredModel, reasons: Collection[str]) -> None:
        """Show the model, and make the series that are known by now, so that each starts at zero.

        Args:
            meters: Where figures go.
            model: The challenger.
            reasons: Why labels are not compared.
        """
        self._meters = meters
        self._model = model
        self._labels: tuple[set[str], set[str]] = (set(), set())
        for reason in reasons:
            meters[UNMATCHED].labels(reason)
        for becomes in ("confident", "not_confident"):
            meters[CONFIDENCE_CHANGED].labels(becomes)
        self._reviews = meters[REVIEWS].labels(ReviewReason.DISAGREEMENT.value)
        show_model(meters, model)

    def compare(self, compared: Compared) -> None:
        """Count the comparisons of a window that was delivered just now."""
        self._meters[COMPARED].inc(sum(compared.pairs.values()))
        for pair, texts in compared.disagreements.items():
            self._meters[DISAGREEMENTS].labels(*map(_within, self._labels, pair)).inc(texts)
        observe_many(self._meters[SCORE_GAP], compared.score_gaps)
        for (live, new), texts in compared.confident.items():
            if live != new:
                self._meters[CONFIDENCE_CHANGED].labels("confident" if new else "not_confident").inc(texts)
        for reason, labels in compared.unmatched.items():
            self._meters[UNMATCHED].labels(reason).inc(labels)

    def add(self, contents: WindowContents) -> None:
        """Count the reviews of a window that was delivered just now."""
        self._reviews.inc(len(contents.reviews.outcomes))
        self._meters[REVIEWS_HELD_BACK].inc(contents.reviews.held_back)

    def publish(self) -> None:
        """Bring what changes slowly up to date."""
        self._meters[DEVICE_MEMORY_BYTES].set(self._model.memory_bytes())


def _within(known: set[str], label: str) -> str:
    """The label, or what stands for all others once there are many: labels come from a topic, and may be any."""
    if label not in known and len(known) >= _MOST_LABELS:
        return _OTHER
    known.add(label)
    return label
