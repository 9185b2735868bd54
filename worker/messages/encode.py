"""Answers to outcomes: labels, dead letters and tombstones, ready to send."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from schemas.cloud_event import CloudEvent, event_time, without_event
from schemas.codec import encode_label
from schemas.dead_letter import DeadLetter, Reason
from schemas.emotion_label import EmotionLabel, ModelName
from schemas.wire_format import SCHEMA_ID_HEADER
from worker.flow import ModelInfo, Outcome, Prediction, Record, Rejected, Tombstone

# Beside key, value and headers a record and its batch take some bytes of their own: 61 for the batch, and varints.
_FRAMING_BYTES = 256


@dataclass(frozen=True)
class Target:
    """A topic to write to, and the largest record batch that it takes."""

    topic: str
    max_message_bytes: int


class LabelMaker:
    """Predictions to labels."""

    def __init__(self, model: ModelInfo, now_ms: Callable[[], int]) -> None:
        self._labels = model.labels
        self._threshold = model.confident_score
        self._model = ModelName(model.name, model.revision)
        self._now_ms = now_ms

    def __call__(self, prediction: Prediction) -> EmotionLabel:
        """The label of one text."""
        scores = dict(zip(self._labels, prediction.scores, strict=True))
        label = max(scores, key=scores.__getitem__)
        request = prediction.request
        return EmotionLabel(
            schema_version=1,
            id=request.id,
            label=label,
            score=scores[label],
            confident=None if self._threshold is None else scores[label] >= self._threshold,
            scores=scores,
            tokens=prediction.tokens,
            truncated=prediction.truncated,
            model=self._model,
            source=request.source,
            labelled_at_ms=self._now_ms(),
            copied=request.copied,
        )


class Encoder:
    """Answers to outcomes, each to the partition number that its record came from."""

    def __init__(
        self,
        model: ModelInfo,
        labels: Target,
        dead_letters: Target,
        now_ms: Callable[[], int],
        cloudevents_source: str | None = None,
        label_prefix: bytes = b"",
    ) -> None:
        """Prepare.

        Args:
            model: What the outcomes say about it.
            labels: Where labels go.
            dead_letters: Where dead letters go.
            now_ms: Milliseconds since 1970 in UTC.
            cloudevents_source: Makes every label a CloudEvent from this source.
            label_prefix: What stands before the JSON of every label, in the wire format of a schema registry.
        """
        self._make_label = LabelMaker(model, now_ms)
        self._model = f"{model.name}@{model.revision}"
        self._labels = labels
        self._dead_letters = dead_letters
        self._now_ms = now_ms
        self._cloudevents_source = cloudevents_source
        self._label_prefix = label_prefix

    def encode(self, records: list[Record], answers: Iterable[Prediction | Rejected | Tombstone]) -> list[Outcome]:
        """The outcome of each answer, in the order of the answers."""
        return [self._outcome(records, answer) for answer in answers]

    def _outcome(self, records: list[Record], answer: Prediction | Rejected | Tombstone) -> Outcome:
        if isinstance(answer, Rejected):
            return self._dead_letter(answer, records[answer.index])
        index = answer.request.index if isinstance(answer, Prediction) else answer.index
        record = records[index]
        value, headers = None, _sendable(record.headers)
        if isinstance(answer, Prediction):
            label = self._make_label(answer)
            value, headers = self._label_prefix + encode_label(label), self._label_headers(headers, record, label)
        return self._fits(_outcome(index, record, self._labels.topic, record.key, value, headers), record)

    def _label_headers(
        self, headers: list[tuple[str, bytes]], record: Record, label: EmotionLabel
    ) -> list[tuple[str, bytes]]:
        if self._label_prefix:  # the text's schema is not the label's
            headers = [header for header in headers if header[0] != SCHEMA_ID_HEADER]
        if self._cloudevents_source is None:
            return headers
        event = CloudEvent(_place(record), self._cloudevents_source, event_time(label.labelled_at_ms))
        return without_event(headers) + event.headers()

    def _fits(self, outcome: Outcome, record: Record) -> Outcome:
        size = batch_bytes(outcome)
        if size <= self._labels.max_message_bytes:
            return outcome
        detail = f"{size} bytes, the topic takes {self._labels.max_message_bytes}"
        return self._dead_letter(Rejected(outcome.index, Reason.LABEL_TOO_LARGE, detail), record)

    def _dead_letter(self, rejected: Rejected, record: Record) -> Outcome:
        """The original with the reason; cut to what the topic takes: the value first, then headers, then the key."""
        key, value = record.key, record.value or b""  # the client cannot send a null key with a null value
        headers = _sendable(record.headers)
        letter = DeadLetter(
            reason=rejected.reason,
            detail=rejected.detail,
            origin=_place(record),
            model=self._model,
            at_ms=self._now_ms(),
        )
        limit = self._dead_letters.max_message_bytes
        full = _outcome(rejected.index, record, self._dead_letters.topic, key, value, headers + letter.headers())
        if batch_bytes(full) <= limit:
            return full
        original_bytes = len(key or b"") + len(value) + sum(len(name.encode()) + len(item) for name, item in headers)
        reason = replace(letter, original_bytes=original_bytes).headers()
        room = limit - batch_bytes(replace(full, value=b"", headers=headers + reason))
        if room < 0:
            headers = []
            room = limit - batch_bytes(replace(full, value=b"", headers=reason))
        if room < 0 and key is not None:
            key = key[:room]
        return replace(full, key=key, value=value[: max(0, room)], headers=headers + reason)


def _outcome(
    index: int, record: Record, topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> Outcome:
    return Outcome(index, topic, record.origin.partition, key, value, headers, record.origin.timestamp_ms)


def _place(record: Record) -> str:
    return f"{record.origin.topic}-{record.origin.partition}-{record.origin.offset}"


def _sendable(headers: list[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    """The client cannot send a null header value: it becomes an empty one."""
    return [(name, value or b"") for name, value in headers] if headers else []


def batch_bytes(outcome: Outcome) -> int:
    """Upper bound in bytes of a batch that holds this record alone, uncompressed."""
    headers = sum(len(name.encode()) + len(value) + 10 for name, value in outcome.headers) if outcome.headers else 0
    return _FRAMING_BYTES + len(outcome.key or b"") + len(outcome.value or b"") + headers
