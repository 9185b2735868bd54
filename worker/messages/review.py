"""Labelled texts to the records that people review: drawn, masked and ready to send."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from schemas.codec import encode_review
from schemas.emotion_label import EmotionLabel
from schemas.review_record import ReviewRecord
from worker.flow import Answer, Outcome, Prediction, Record, RefusalKey, Refusals, Reviews
from worker.messages.encode import batch_bytes, event_id
from worker.messages.masking import mask
from worker.messages.review_draw import Drawn, Sampler
from worker.messages.target import Target

_log = logging.getLogger(__name__)

_CUT_CHARACTERS = 4096  # JSON writes one in 6 bytes at most; the topic takes 64 KiB or more


@dataclass(frozen=True)
class Content:
    """What of a text leaves: all but `left_out` (`text`, `id`, `copied`), with these kinds of `masked` hidden in it."""

    masked: Collection[str] = ()
    left_out: Collection[str] = ()


class ReviewWriter:
    """Writes what was drawn. It goes to the partition number that its text came from."""

    def __init__(
        self, target: Target, content: Content, now_ms: Callable[[], int], refusals: Mapping[RefusalKey, str]
    ) -> None:
        """Prepare.

        Args:
            target: Where reviews go.
            content: What of the texts leaves.
            now_ms: Milliseconds since 1970 in UTC.
            refusals: What brokers did not take, by the record that it answers.
        """
        self._target = target
        self._content = content
        self._now_ms = now_ms
        self._refusals = refusals

    def __call__(self, drawn: Iterable[tuple[Drawn, Record, EmotionLabel]], held_back: int) -> Reviews:
        """What leaves of these, each with its record and the label that people look at."""
        made = [(each, self._outcome(each, record, label)) for each, record, label in drawn]
        taken = [(each, outcome) for each, outcome in made if outcome is not None]
        reasons = Counter(chain.from_iterable(each.reasons for each, _ in taken))
        return Reviews([outcome for _, outcome in taken], reasons, held_back)

    def _outcome(self, drawn: Drawn, record: Record, label: EmotionLabel) -> Outcome | None:
        origin = event_id(record)
        if words := self._refusals.get(Refusals.key(self._target.topic, record)):
            _say_left_out(origin, words)
            return None
        whole = self._review(origin, record, drawn, label)
        cut = replace(whole, text=whole.text and whole.text[:_CUT_CHARACTERS], text_is_cut=True, id=None, copied={})
        for review in (whole, cut):
            outcome = Outcome(
                drawn.prediction.request.index,
                self._target.topic,
                record.origin.partition,
                origin.encode(),
                encode_review(review),
                [],
                None,  # now: retention counts from the draw
            )
            if batch_bytes(outcome) <= self._target.max_message_bytes:
                return outcome
        _say_left_out(origin, f"it is larger than the {self._target.max_message_bytes} bytes that the topic takes")
        return None

    def _review(self, origin: str, record: Record, drawn: Drawn, label: EmotionLabel) -> ReviewRecord:
        left_out = self._content.left_out
        return ReviewRecord(
            schema_version=1,
            origin=origin,
            id=None if "id" in left_out else label.id,
            text=None if "text" in left_out else mask(drawn.prediction.request.text, self._content.masked),
            text_is_cut=False,
            label=label.label,
            score=label.score,
            confident=label.confident,
            scores=label.scores,
            labels=label.labels,
            truncated=label.truncated,
            model=label.model,
            source=record.origin,
            copied={} if "copied" in left_out else label.copied,
            reasons=drawn.reasons,
            probability=drawn.probability,
            drawn_at_ms=self._now_ms(),
        )


class Reviewer:
    """Draws from the labels of a window."""

    def __init__(
        self,
        make_label: Callable[[Prediction], EmotionLabel],
        sampler: Sampler,
        write: ReviewWriter,
        label_topic: str,
    ) -> None:
        """Prepare.

        Args:
            make_label: Makes a label of what a model said of a text; its time is that of the draw.
            sampler: Decides which are drawn.
            write: Makes what leaves.
            label_topic: What leaves for it is a label; anything else stands for a text that got none.
        """
        self._make_label = make_label
        self._sampler = sampler
        self._write = write
        self._label_topic = label_topic

    def review(self, records: list[Record], answers: Sequence[Answer], outcomes: Sequence[Outcome]) -> Reviews:
        """What leaves of a window for review, beside its `outcomes`."""
        unlabelled = {outcome.index for outcome in outcomes if outcome.topic != self._label_topic}
        predictions = [each for each in answers if isinstance(each, Prediction)]
        labelled = [each for each in predictions if each.request.index not in unlabelled]
        drawn, held_back = self._sampler.draw((event_id(records[each.request.index]), each) for each in labelled)
        pairs = [(each, records[each.prediction.request.index]) for each in drawn]
        return self._write(((each, record, self._make_label(each.prediction)) for each, record in pairs), held_back)


def _say_left_out(origin: str, why: str) -> None:
    """Say it: an estimate that does not know of it is a little off."""
    _log.warning("review_left_out", extra={"origin": origin, "error": why})
