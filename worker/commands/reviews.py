"""`emotion-worker reviews export`: the texts that wait for review, as files that other tools take."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.review_record import ReviewRecord
from worker.commands.review_files import label_studio_config, label_studio_tasks, model_labels, spreadsheet
from worker.errors import UserError
from worker.flow import Record
from worker.kafka.clients import KafkaClients
from worker.kafka.topic_range import read_range, whole_topic
from worker.settings import Settings

FORMATS: Mapping[str, Mapping[str, Callable[[Sequence[ReviewRecord]], bytes]]] = {
    "label-studio": {"tasks.json": label_studio_tasks, "config.xml": label_studio_config},
    "csv": {"reviews.csv": spreadsheet},
}
"""The files of each format, and what makes them."""

_REVIEW = TypeAdapter(ReviewRecord)


@dataclass(frozen=True)
class Export:
    """What is written, and where to; None for a time means any. `until_ms` itself is not meant."""

    folder: Path
    format: str
    since_ms: int | None = None
    until_ms: int | None = None


def export(settings: Settings, wanted: Export) -> int:
    """Write the files and say what is in them in a JSON line; returns the exit code.

    Raises:
        UserError: There is no topic of reviews, it cannot be read, or a file cannot be written.
    """
    if settings.review_topic is None:
        raise UserError("EMOTION_REVIEW_TOPIC is not set: name the topic that the worker writes reviews to")
    files = {wanted.folder / name: make for name, make in FORMATS[wanted.format].items()}
    if there := next((path for path in files if path.exists()), None):
        raise UserError(f"{there} is there already: name another folder, or move it away")
    clients, topic = KafkaClients(settings), settings.review_topic
    reviews = collect(read_range(clients, topic, whole_topic(clients, topic)), wanted)
    if not reviews:
        raise UserError(f"topic {topic} holds no texts for review of that time", "wait until some are drawn")
    if wanted.format == "label-studio" and any(review.text is None for review in reviews):
        raise UserError(
            "some reviews hold no text (EMOTION_REVIEW_LEAVE_OUT), and Label Studio shows nothing else: take --format "
            "csv, and put the texts in by `origin` or `message_id`"
        )
    try:
        wanted.folder.mkdir(parents=True, exist_ok=True)
        for path, make in files.items():
            path.write_bytes(make(reviews))
    except OSError as error:
        raise UserError(f"{wanted.folder} cannot be written: {error.strerror}") from error
    written = {"reviews": len(reviews), "labels": model_labels(reviews), "files": list(map(str, files))}
    sys.stdout.write(orjson.dumps(written).decode() + "\n")
    return 0


def collect(records: Iterable[Record], wanted: Export) -> list[ReviewRecord]:
    """The reviews among the records of a topic, one for each origin.

    A text may be drawn twice: at least once again, under another share of the bound, and by a challenger that disagrees
    beside the live workers. Whoever draws compares the same number with a probability of its own, so the larger one is
    that with which the text was drawn at all. Its reasons are those of all. Where the topic of the texts was made anew,
    two texts have one origin: the later draw is of the one that is there.
    """
    found: dict[str, ReviewRecord] = {}
    for review in filter(None, map(_read, records)):
        other = found.get(review.origin)
        is_meant = (wanted.since_ms or 0) <= review.drawn_at_ms and (
            wanted.until_ms is None or review.drawn_at_ms < wanted.until_ms
        )
        if is_meant:
            found[review.origin] = review if other is None else _together(other, review)
    return list(found.values())


def _together(one: ReviewRecord, other: ReviewRecord) -> ReviewRecord:
    if one.source.timestamp_ms != other.source.timestamp_ms:
        return max(one, other, key=lambda review: review.drawn_at_ms)
    more = max(one, other, key=lambda review: review.probability)
    return replace(more, reasons=list(dict.fromkeys(one.reasons + other.reasons)))


def _read(record: Record) -> ReviewRecord | None:
    """None for what others wrote there."""
    try:
        return _REVIEW.validate_json(record.value or b"")
    except ValidationError:
        return None
