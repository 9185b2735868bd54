"""Dead letters as they are read back from their topic."""

from dataclasses import dataclass

from schemas.dead_letter import HEADER_PREFIX
from worker.flow import Record


@dataclass(frozen=True)
class Letter:
    """A record of the dead-letter topic with what its headers say.

    `original_bytes` is set only where it was cut, `part` only where it is one of several.
    """

    record: Record
    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    at_ms: int
    original_bytes: int | None
    part: int | None


def read_letter(record: Record) -> Letter | None:
    """What a record of the dead-letter topic says; None if it is no dead letter of ours."""
    # The last of each name is ours: the original may have been a dead letter before.
    said = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    try:
        topic, partition, offset = said[HEADER_PREFIX + "origin"].rsplit("-", 2)
        part = said.get(HEADER_PREFIX + "part")
        cut = said.get(HEADER_PREFIX + "original-bytes")
        return Letter(
            record=record,
            reason=said[HEADER_PREFIX + "reason"],
            detail=said[HEADER_PREFIX + "detail"],
            topic=topic,
            partition=int(partition),
            offset=int(offset),
            at_ms=int(said[HEADER_PREFIX + "at-ms"]),
            original_bytes=None if cut is None else int(cut),
            part=None if part is None else int(part),
        )
    except (KeyError, ValueError):
        return None
