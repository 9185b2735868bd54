"""CloudEvents 1.0 in the binary mode of the Kafka binding: what a label is, in the headers of its record."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

_PREFIX = "ce_"
_CONTENT_TYPE = "content-type"
_PLANES = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
_NOT_IN_STRINGS = re.compile(f"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef{_PLANES}]")  # as the specification has it
_KEPT = frozenset({"ce_traceparent", "ce_tracestate"})  # a trace goes on; all else would describe another event


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """The attributes of a label's event. Its data is the record's value."""

    id: Annotated[str, Field(description="`topic-partition-offset` of the text: a label that is sent twice keeps it.")]
    source: Annotated[str, Field(min_length=1, description="What `EMOTION_CLOUDEVENTS_SOURCE` says.")]
    time: Annotated[str, Field(description="When the text was labelled.", json_schema_extra={"format": "date-time"})]
    subject: Annotated[
        str, Field(description="The label's `id`; absent where that is empty, or holds a control character.")
    ]
    specversion: Literal["1.0"] = "1.0"
    type: Annotated[Literal["emotion.label.v1"], Field(description="The 1 is that of `schema_version`.")] = (
        "emotion.label.v1"
    )

    def headers(self) -> list[tuple[str, bytes]]:
        """The record headers that say this."""
        has_subject = self.subject and not _NOT_IN_STRINGS.search(self.subject)
        names = ("specversion", "id", "source", "type", "time", *(["subject"] if has_subject else []))
        attributes = [(_PREFIX + name, getattr(self, name).encode()) for name in names]
        return [*attributes, (_CONTENT_TYPE, b"application/json")]


def event_time(milliseconds: int) -> str:
    """Milliseconds since 1970 as RFC 3339 has it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def without_event(headers: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Headers of a text that may have been an event itself, without what says so."""
    return [
        (name, value)
        for name, value in headers
        if name in _KEPT or not (name.startswith(_PREFIX) or name == _CONTENT_TYPE)
    ]
