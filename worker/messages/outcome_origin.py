"""Which record an outcome answers, read from the outcome."""

from collections.abc import Callable
from functools import partial
from zlib import crc32

from pydantic import TypeAdapter

from schemas.disagreement import Disagreement
from schemas.emotion_label import ModelName, Source
from worker.flow import ModelInfo, Record
from worker.messages.read_dead_letter import Letter, read_letter
from worker.messages.schema_registry import ReadLabel

_DISAGREEMENT = TypeAdapter(Disagreement)

BOUNDED_RUN_HEADER = "emotion-labelled-by"
"""What a bounded run writes bears its group: it is one more answer, and says nothing of how far the workers are."""


def read_answer(read_label: ReadLabel, outcome: Record) -> tuple[Source, Callable[[Record], bool]] | None:
    """The record that it answers, and whether a record is that one and not another that has its place now.

    None for a tombstone, for what a bounded run wrote, and for what is no outcome. `read_label` raises ValueError of
    what is no label.
    """
    if any(name == BOUNDED_RUN_HEADER for name, _ in outcome.headers):
        return None
    if letter := read_letter(outcome):
        origin = Source(letter.topic, letter.partition, letter.offset, None)
        if letter.part is not None:  # a part of the value, and perhaps written in another way
            return origin, lambda _: True
        return origin, partial(_has_value, *_value_of(letter))
    if outcome.value is None:
        return None
    try:
        source = read_label(outcome.value).source
    except ValueError:
        return None
    return (source, partial(_has_time, source.timestamp_ms)) if source else None


def read_disagreement(model: ModelInfo, outcome: Record) -> tuple[Source, Callable[[Record], bool]] | None:
    """The live label that a disagreement answers, and whether a record is that one; None if another model wrote it.

    None, too, for what a bounded run wrote, and for what is no disagreement.
    """
    if outcome.value is None or any(name == BOUNDED_RUN_HEADER for name, _ in outcome.headers):
        return None
    try:
        disagreement = _DISAGREEMENT.validate_json(outcome.value)
    except ValueError:
        return None
    if disagreement.challenger.model != ModelName(model.name, model.revision):
        return None
    return disagreement.answer, partial(_has_time, disagreement.answer.timestamp_ms)


def _has_time(timestamp_ms: int | None, record: Record) -> bool:
    return record.origin.timestamp_ms == timestamp_ms


def _value_of(letter: Letter) -> tuple[int, int, bool]:
    """Length and checksum of what it holds of the original, and whether that is all: a letter may be large."""
    value = letter.record.value or b""
    return len(value), crc32(value), letter.original_bytes is None


def _has_value(length: int, checksum: int, is_whole: bool, record: Record) -> bool:
    value = record.value or b""
    return crc32(value[:length]) == checksum and (len(value) == length or not is_whole)
