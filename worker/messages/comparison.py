"""Two models' labels of the same text, compared: what they agree on, and what leaves where they do not."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from schemas.codec import encode_disagreement
from schemas.disagreement import Disagreement, GivenLabel
from schemas.emotion_label import EmotionLabel
from worker.flow import Answer, AnsweredRecord, ModelInfo, Outcome, Prediction, Record, RefusalKey, Refusals, Reviews
from worker.messages.encode import LabelMaker, batch_bytes, event_id
from worker.messages.outcome_origin import BOUNDED_RUN_HEADER
from worker.messages.review import ReviewWriter
from worker.messages.review_draw import Sampler
from worker.messages.target import Target

_log = logging.getLogger(__name__)


class Unmatched(StrEnum):
    """Why a live label is not compared. One of a text that is not of the share that is looked at is none of these."""

    TEXT_GONE = "text_gone"  # retention or compaction took it, or its topic was made anew
    NOT_LABELLED = "not_labelled"  # the challenger gives it none
    NO_LABEL = "no_label"  # something else is on the output topic
    OTHER_INPUT = "other_input"  # its text is of no topic that is read
    BOUNDED_RUN = "bounded_run"  # of a part of the input that was labelled again
    REPEATED = "repeated"


@dataclass
class Comparison:
    """What came of the window at hand, before it is delivered."""

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Texts by both labels, the live one first; of a multi-label model by the best one."""
    disagreements: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Those of them that count as such."""
    score_gaps: list[float] = field(default_factory=list)
    """The challenger's score less the live one, each of its own label."""
    confident: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    """Texts by whether both labels are confident, where both models have a threshold."""
    unmatched: Counter[str] = field(default_factory=Counter)

    def add(self, live: EmotionLabel, new: EmotionLabel) -> bool:
        """Compare both labels of a text; gives whether they agree."""
        agree = given(live) == given(new)
        pair = live.label, new.label
        self.pairs[pair] += 1
        if not agree:
            self.disagreements[pair] += 1
        self.score_gaps.append(new.score - live.score)
        if live.confident is not None and new.confident is not None:
            self.confident[live.confident, new.confident] += 1
        return agree

    def clear(self) -> None:
        """Begin a window."""
        for part in (self.pairs, self.disagreements, self.score_gaps, self.confident, self.unmatched):
            part.clear()


def given(label: EmotionLabel) -> frozenset[str]:
    """The labels that a text was given: the best one; of a multi-label model those that reach their thresholds."""
    return frozenset([label.label] if label.labels is None else label.labels)


class Comparer:
    """Predictions of a challenger to disagreements, each to the partition number that its text came from."""

    def __init__(
        self,
        model: ModelInfo,
        target: Target,
        now_ms: Callable[[], int],
        refusals: Mapping[RefusalKey, str],
        comparison: Comparison,
        run: str | None = None,
    ) -> None:
        """Prepare.

        Args:
            model: The challenger.
            target: Where disagreements go.
            now_ms: Milliseconds since 1970 in UTC.
            refusals: What brokers did not take, by the record that it answers.
            comparison: Told of every text.
            run: The group of a bounded run, which its disagreements bear.
        """
        self._make_label = LabelMaker(model, now_ms)
        self._target = target
        self._refusals = refusals
        self._comparison = comparison
        self._headers = [] if run is None else [(BOUNDED_RUN_HEADER, run.encode())]

    def encode(self, records: Sequence[Record], answers: Iterable[Answer]) -> list[Outcome]:
        """What leaves of a window; its records are answered ones."""
        predictions = [each for each in answers if isinstance(each, Prediction)]
        self._comparison.unmatched[Unmatched.NOT_LABELLED] += len(records) - len(predictions)
        made = [self._compare(_answered(records[each.request.index]), each) for each in predictions]
        return [outcome for outcome in made if outcome is not None]

    def _compare(self, record: AnsweredRecord, prediction: Prediction) -> Outcome | None:
        new = self._make_label(prediction)
        if self._comparison.add(record.label, new):
            return None
        origin = event_id(record)
        if words := self._refusals.get(Refusals.key(self._target.topic, record)):
            _say_left_out(origin, words)
            return None
        whole = Disagreement(
            schema_version=1,
            origin=origin,
            id=record.label.id,
            source=record.origin,
            answer=record.answer,
            live=GivenLabel.of(record.label),
            challenger=GivenLabel.of(new),
        )
        for disagreement in (whole, replace(whole, id=None)):
            value = encode_disagreement(disagreement)
            outcome = Outcome(
                prediction.request.index,
                self._target.topic,
                record.origin.partition,
                record.key,
                value,
                self._headers,
                None,  # now: retention counts from the comparison
            )
            if batch_bytes(outcome) <= self._target.max_message_bytes:
                return outcome
        _say_left_out(origin, f"it is larger than the {self._target.max_message_bytes} bytes that the topic takes")
        return None


class DisagreementReviewer:
    """Draws from those texts that the models disagree on. What people look at is the live label."""

    def __init__(self, sampler: Sampler, write: ReviewWriter) -> None:
        self._sampler = sampler
        self._write = write

    def review(self, records: list[Record], answers: Sequence[Answer], outcomes: Sequence[Outcome]) -> Reviews:
        """What leaves of a window for review, beside its `outcomes`: the disagreements."""
        indices = {outcome.index for outcome in outcomes}
        disputed = [each for each in answers if isinstance(each, Prediction) and each.request.index in indices]
        drawn, held_back = self._sampler.draw((event_id(records[each.request.index]), each) for each in disputed)
        found = [(each, _answered(records[each.prediction.request.index])) for each in drawn]
        return self._write(((each, record, record.label) for each, record in found), held_back)


def _answered(record: Record) -> AnsweredRecord:
    if not isinstance(record, AnsweredRecord):
        raise RuntimeError("a text without its live label was to be compared")
    return record


def _say_left_out(origin: str, why: str) -> None:
    _log.warning("disagreement_left_out", extra={"origin": origin, "error": why})
