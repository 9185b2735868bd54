"""The contract of the dead-letter topic: a record that can never be labelled, as it came, and the reason in headers."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import Field

T = TypeVar("T")


class Reason(StrEnum):
    """Why a record was not labelled. New reasons may be added; none changes its meaning."""

    MESSAGE_TOO_LARGE = "message_too_large"
    INVALID_UTF8 = "invalid_utf8"
    INVALID_JSON = "invalid_json"
    INVALID_AVRO = "invalid_avro"
    UNKNOWN_SCHEMA = "unknown_schema"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_TEXT = "missing_text"
    WRONG_TYPE = "wrong_type"
    EMPTY_TEXT = "empty_text"
    NULL_KEY_AND_VALUE = "null_key_and_value"
    LABEL_TOO_LARGE = "label_too_large"
    REFUSED_BY_TOPIC = "refused_by_topic"
    MODEL_FAILED = "model_failed"

    @property
    def meaning(self) -> str:
        """One sentence for documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    Reason.MESSAGE_TOO_LARGE: "The value is larger than `EMOTION_MAX_MESSAGE_BYTES`; it was not read.",
    Reason.INVALID_UTF8: "The value is not UTF-8.",
    Reason.INVALID_JSON: "The value is not JSON, or nested too deep to be read.",
    Reason.INVALID_AVRO: "The value names no schema, or its bytes are not Avro as its schema says.",
    Reason.UNKNOWN_SCHEMA: "The schema registry does not know the schema that the value names, or it is none to read "
    "Avro by; the detail says which.",
    Reason.NOT_AN_OBJECT: "The value is JSON, but not an object; or Avro, but not a record.",
    Reason.MISSING_TEXT: "The object has no text field, or it is null.",
    Reason.WRONG_TYPE: "The text is not a string.",
    Reason.EMPTY_TEXT: "The text holds no visible character.",
    Reason.NULL_KEY_AND_VALUE: "Key and value are both null: a tombstone for nothing, which the client cannot send on.",
    Reason.LABEL_TOO_LARGE: "The label with the record's key, id and headers is larger than the output topic takes.",
    Reason.REFUSED_BY_TOPIC: "The output topic does not take the label: its timestamp, its missing key, or another "
    "rule of the topic; the detail says which.",
    Reason.MODEL_FAILED: "The model fails on this text, also when it is alone in its batch.",
}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The `dead-letter-…` headers of a record on the dead-letter topic, by field.

    Key, value and the other headers are the original's. A null value under a null key stands as an empty value, a
    null header value as an empty one.
    """

    reason: Annotated[Reason, Field(description="Why; later versions may know more reasons than these.")]
    detail: Annotated[str, Field(description="What exactly, in a few words; never the text.")]
    origin: Annotated[str, Field(description="`topic-partition-offset` of the original.", pattern=r"^.+-\d+-\d+$")]
    model: Annotated[str, Field(description="`name@revision` of the model that was running.")]
    at_ms: Annotated[int, Field(ge=0, description="When, in milliseconds since 1970 in UTC.")]
    original_bytes: Annotated[
        int | None,
        Field(
            ge=0,
            description="Only where the original was cut to what the topic takes: bytes of its key, value and headers.",
        ),
    ] = None
    part: Annotated[
        int | None,
        Field(ge=0, description="Only where `EMOTION_SPLIT` took the record apart: the number of the part, from 0."),
    ] = None

    def headers(self) -> list[tuple[str, bytes]]:
        """The record headers that say this."""
        fields = {
            "reason": self.reason.value,
            "detail": self.detail,
            "origin": self.origin,
            "model": self.model,
            "at-ms": str(self.at_ms),
        }
        if self.original_bytes is not None:
            fields["original-bytes"] = str(self.original_bytes)
        if self.part is not None:
            fields["part"] = str(self.part)
        return [(HEADER_PREFIX + name, value.encode()) for name, value in fields.items()]


HEADER_PREFIX = "dead-letter-"


class Convention(StrEnum):
    """Whose header names a dead letter has beside ours, for tools that know these."""

    STREAMS = "streams"
    SHARE_GROUPS = "share_groups"

    @property
    def prefix(self) -> str:
        """What the names begin with."""
        return _PREFIXES[self]


_PREFIXES = {
    Convention.STREAMS: "__streams.errors.",  # KIP-1034, Apache Kafka 4.2
    Convention.SHARE_GROUPS: "__dlq.errors.",  # KIP-1191
}


def letter_headers(letter: DeadLetter, conventions: Iterable[Convention], group_id: str) -> list[tuple[str, bytes]]:
    """The letter's own headers, and what they say under the names of Kafka itself.

    There is no stack trace to give, and no count of deliveries.
    """
    topic, partition, offset = letter.origin.rsplit("-", 2)
    place = {"topic": topic, "partition": partition, "offset": offset}
    rest = {
        Convention.STREAMS: {"exception": letter.reason.value, "message": letter.detail},
        Convention.SHARE_GROUPS: {"group": group_id, "message": f"{letter.reason.value}: {letter.detail}"},
    }
    named = [(of.prefix + name, value.encode()) for of in conventions for name, value in (place | rest[of]).items()]
    return letter.headers() + named


def without_letter(headers: Iterable[tuple[str, T]]) -> list[tuple[str, T]]:
    """The headers of the original: without those that made it a dead letter, also before.

    A convention's headers that stand before the letter's own are the original's: it came from another program's queue.
    """
    kept: list[tuple[str, T]] = []
    ours: tuple[str, ...] = (HEADER_PREFIX,)
    for name, value in headers:
        if name == HEADER_PREFIX + "reason":
            ours = (HEADER_PREFIX, *_PREFIXES.values())
        if not name.startswith(ours):
            kept.append((name, value))
    return kept
