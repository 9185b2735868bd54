"""Which record an outcome answers, read from the outcome."""

from pydantic import ValidationError

from schemas.emotion_label import Source
from schemas.wire_format import read_label
from worker.flow import Record
from worker.messages.read_dead_letter import read_letter


def origin_of(input_topic: str, outcome: Record) -> Source | None:
    """The record of the input topic that it answers; None for a tombstone, and for what answers none of them."""
    origin = _any_origin(outcome)
    return origin if origin is not None and origin.topic == input_topic else None


def _any_origin(outcome: Record) -> Source | None:
    if letter := read_letter(outcome):
        return Source(letter.topic, letter.partition, letter.offset, None)
    if outcome.value is None:
        return None
    try:
        return read_label(outcome.value).source
    except ValidationError:
        return None
