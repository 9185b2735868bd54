"""Answers to outcomes: labels, dead letters and tombstones, ready to send."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import compress
from operator import ge

import orjson

from schemas.cloud_event import CloudEvent, event_time, without_event
from schemas.codec import encode_label
from schemas.dead_letter import DeadLetter, Reason
from schemas.emotion_label import EmotionLabel, ModelName
from worker.flow import ModelInfo, Outcome, Prediction, Record, RefusalKey, Refusals, Rejected, Tombstone
from worker.messages.label_headers import LabelHeaders
from worker.messages.target import Target

# Beside key, value and headers a record and its batch take some bytes of their own: 61 for the batch, and varints.
_FRAMING_BYTES = 256

Headers = list[tuple[str, bytes]]

_log = logging.getLogger(__name__)


class LabelMaker:
    """Predictions to labels."""

    def __init__(self, model: ModelInfo, now_ms: Callable[[], int]) -> None:
        self._labels = model.labels
        self._threshold = model.confident_score
        self._thresholds = model.thresholds
        self._model = ModelName(model.name, model.revision)
        self._now_ms = now_ms

    def __call__(self, prediction: Prediction, at_ms: int | None = None) -> EmotionLabel:
        """The label of one text; `at_ms` is when, if it is known."""
        score = max(prediction.scores)
        scores = dict(zip(self._labels, prediction.scores, strict=True))
        request = prediction.request
        labels: list[str] | None = None
        if self._thresholds is None:
            confident = None if self._threshold is None else score >= self._threshold
        else:
            labels = _given(scores, self._thresholds)
            confident = bool(labels)
        return EmotionLabel(  # by place: by name it takes three times as long
            1,
            request.id,
            self._labels[prediction.scores.index(score)],
            score,
            confident,
            scores,
            prediction.tokens,
            prediction.truncated,
            self._model,
            request.source,
            self._now_ms() if at_ms is None else at_ms,
            request.copied,
            labels,
        )


def encode_rejected(identity: str, rejected: Rejected) -> bytes:
    """What stands in place of a label outside Kafka, as JSON on one line."""
    return orjson.dumps({"id": identity, "dead_letter": {"reason": rejected.reason, "detail": rejected.detail}})


class Encoder:
    """Answers to outcomes, each to the partition number that its record came from."""

    def __init__(
        self,
        model: ModelInfo,
        labels: Target,
        dead_letters: Target,
        now_ms: Callable[[], int],
        cloudevents_source: str | None = None,
        write_label: Callable[[EmotionLabel], bytes] = encode_label,
        refusals: Mapping[RefusalKey, str] | None = None,
        carried: LabelHeaders | None = None,
        keep_timestamps: bool = True,
        letter_headers: Callable[[DeadLetter], Headers] = DeadLetter.headers,
    ) -> None:
        """Prepare.

        Args:
            model: What the outcomes say about it.
            labels: Where labels go.
            dead_letters: Where dead letters go.
            now_ms: Milliseconds since 1970 in UTC.
            cloudevents_source: Makes every label a CloudEvent from this source.
            write_label: Makes the value of every label.
            refusals: What brokers did not take, by the record that it answers.
            carried: Takes the headers that labels carry; None: all but those that describe the text's bytes.
            keep_timestamps: Outcomes have the time of their text; else that at which they are sent.
            letter_headers: Makes the headers of every dead letter.
        """
        self._make_label = LabelMaker(model, now_ms)
        self._model = f"{model.name}@{model.revision}"
        self._labels = labels
        self._dead_letters = dead_letters
        self._now_ms = now_ms
        self._cloudevents_source = cloudevents_source
        self._write_label = write_label
        self._refusals = {} if refusals is None else refusals
        self._carried = LabelHeaders() if carried is None else carried
        self._keep_timestamps = keep_timestamps
        self._letter_headers = letter_headers
        self._warned: set[tuple[str, int]] = set()
        self._now = 0
        self._usual: tuple[float, float] = (-math.inf, math.inf)

    def encode(self, records: list[Record], answers: Iterable[Prediction | Rejected | Tombstone]) -> list[Outcome]:
        """The outcome of each answer, in the order of the answers."""
        self._now = self._now_ms()
        self._usual = self._labels.usual_times(self._now)
        return [
            self._labelled(records, answer) if isinstance(answer, Prediction) else self._unlabelled(records, answer)
            for answer in answers
        ]

    def _labelled(self, records: list[Record], prediction: Prediction) -> Outcome:
        index = prediction.request.index
        record = records[index]
        label = self._make_label(prediction, self._now)
        value, headers = self._write_label(label), self._label_headers(record, label)
        return self._fits(self._outcome_of(index, record, self._labels.topic, record.key, value, headers), record)

    def _unlabelled(self, records: list[Record], answer: Rejected | Tombstone) -> Outcome:
        record = records[answer.index]
        if isinstance(answer, Rejected):
            return self._dead_letter(answer, record)
        headers = _sendable(record.headers)
        return self._fits(self._outcome_of(answer.index, record, self._labels.topic, record.key, None, headers), record)

    def _label_headers(self, record: Record, label: EmotionLabel) -> list[tuple[str, bytes]]:
        headers = self._carried(record.headers)
        if self._cloudevents_source is None:
            return headers
        event = CloudEvent(event_id(record), self._cloudevents_source, event_time(label.labelled_at_ms), label.id)
        return without_event(headers) + event.headers()

    def _fits(self, outcome: Outcome, record: Record) -> Outcome:
        timestamp_ms = outcome.timestamp_ms
        if self._refusals or (timestamp_ms is not None and not self._usual[0] <= timestamp_ms <= self._usual[1]):
            refused = self._refused_by(self._labels, record)
            if problem := refused or self._labels.time_problem(timestamp_ms, self._now):
                return self._dead_letter(Rejected(outcome.index, Reason.REFUSED_BY_TOPIC, problem), record)
            self._warn_of_retention(self._labels, outcome)
        size = batch_bytes(outcome)
        if size <= self._labels.max_message_bytes:
            return outcome
        detail = f"{size} bytes, the topic takes {self._labels.max_message_bytes}"
        return self._dead_letter(Rejected(outcome.index, Reason.LABEL_TOO_LARGE, detail), record)

    def _outcome_of(
        self, index: int, record: Record, topic: str, key: bytes | None, value: bytes | None, headers: Headers
    ) -> Outcome:
        origin = record.origin
        timestamp_ms = origin.timestamp_ms if self._keep_timestamps else None  # now
        return Outcome(index, topic, origin.partition, key, value, headers, timestamp_ms)

    def _refused_by(self, target: Target, record: Record) -> str | None:
        """The words with which brokers did not take this record's outcome for a topic."""
        return self._refusals.get(Refusals.key(target.topic, record)) if self._refusals else None

    def _dead_letter(self, rejected: Rejected, record: Record) -> Outcome:
        """The original with the reason, cut to what the topic takes, under a time that it takes."""
        letter = self._cut_dead_letter(rejected, record)
        is_refused = rejected.reason == Reason.REFUSED_BY_TOPIC or self._refused_by(self._dead_letters, record)
        if is_refused or self._dead_letters.time_problem(letter.timestamp_ms, self._now):
            return replace(letter, timestamp_ms=None)  # now
        self._warn_of_retention(self._dead_letters, letter)
        return letter

    def _warn_of_retention(self, target: Target, outcome: Outcome) -> None:
        """Say once a partition that brokers will delete what they are sent."""
        if target.retention_ms is None or outcome.timestamp_ms is None:
            return
        age_ms, place = self._now - outcome.timestamp_ms, (outcome.topic, outcome.partition)
        if age_ms > target.retention_ms and place not in self._warned:
            self._warned.add(place)
            _log.warning(
                "outcome_past_retention",
                extra={
                    "topic": outcome.topic,
                    "partition": outcome.partition,
                    "age_ms": age_ms,
                    "retention_ms": target.retention_ms,
                },
            )

    def _cut_dead_letter(self, rejected: Rejected, record: Record) -> Outcome:
        """Cut to what the topic takes: the value first, then headers, then the key."""
        key, value = record.key, record.value or b""  # the client cannot send a null key with a null value
        headers = _sendable(record.headers)
        letter = DeadLetter(
            reason=rejected.reason,
            detail=rejected.detail,
            origin=_place(record),
            model=self._model,
            at_ms=self._now_ms(),
            part=record.part,
        )
        limit = self._dead_letters.max_message_bytes
        full = self._outcome_of(
            rejected.index, record, self._dead_letters.topic, key, value, headers + self._letter_headers(letter)
        )
        if batch_bytes(full) <= limit:
            return full
        original_bytes = len(key or b"") + len(value) + sum(len(name.encode()) + len(item) for name, item in headers)
        reason = self._letter_headers(replace(letter, original_bytes=original_bytes))
        room = limit - batch_bytes(replace(full, value=b"", headers=headers + reason))
        if room < 0:
            headers = []
            room = limit - batch_bytes(replace(full, value=b"", headers=reason))
        if room < 0 and key is not None:
            key = key[:room]
        return replace(full, key=key, value=value[: max(0, room)], headers=headers + reason)


def _given(scores: dict[str, float], thresholds: list[float]) -> list[str]:
    """The labels whose scores reach their thresholds, the best first."""
    given = list(compress(scores, map(ge, scores.values(), thresholds)))
    given.sort(key=scores.__getitem__, reverse=True)  # which keeps the model's order of equal ones
    return given


def _place(record: Record) -> str:
    return f"{record.origin.topic}-{record.origin.partition}-{record.origin.offset}"


def event_id(record: Record) -> str:
    """`topic-partition-offset`, and `-part` of a record that was split: no other text has it."""
    return _place(record) if record.part is None else f"{_place(record)}-{record.part}"


def _sendable(headers: list[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    """The client cannot send a null header value: it becomes an empty one."""
    return [(name, value or b"") for name, value in headers] if headers else []


def batch_bytes(outcome: Outcome) -> int:
    """Upper bound in bytes of a batch that holds this record alone, uncompressed."""
    headers = sum(len(name.encode()) + len(value) + 10 for name, value in outcome.headers) if outcome.headers else 0
    return _FRAMING_BYTES + len(outcome.key or b"") + len(outcome.value or b"") + headers
