"""Places in a topic as users name them: `earliest`, `now`, a time, or an offset of each partition."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_OFFSETS = re.compile(r"^\d+:\d+(,\d+:\d+)*$")
_MEANT = "`earliest`, `now`, a time such as 2026-01-31T12:00:00Z, or offsets by partition such as 0:1500,1:0"


@dataclass(frozen=True)
class OffsetSpec:
    """One of them. `text` is what the user wrote; for `earliest` and `now` the other two are None."""

    text: str
    time_ms: int | None = None
    offsets: Mapping[int, int] | None = None


def parse_offset_spec(text: str) -> OffsetSpec:
    """Read one.

    Raises:
        ValueError: It is none; the message says what is meant.
    """
    if text in ("earliest", "now"):
        return OffsetSpec(text)
    if _OFFSETS.match(text):
        pairs = [pair.split(":") for pair in text.split(",")]
        offsets = {int(partition): int(offset) for partition, offset in pairs}
        if len(offsets) < len(pairs):
            raise ValueError(f"{text!r} names a partition twice")
        return OffsetSpec(text, offsets=offsets)
    try:
        return OffsetSpec(text, time_ms=parse_time_ms(text))
    except ValueError as error:
        raise ValueError(f"{error}; expected {_MEANT}") from None


def parse_time_ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time.

    Raises:
        ValueError: It is none, it is before 1970, or it does not say its offset from UTC.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no ISO 8601 time such as 2026-01-31T12:00:00Z") from None
    if time.tzinfo is None:
        raise ValueError(f"{text!r} does not say its offset from UTC: end it with Z or, say, +02:00")
    milliseconds = int(time.timestamp() * 1000)
    if milliseconds < 0:
        raise ValueError(f"{text!r} is before 1970")
    return milliseconds
