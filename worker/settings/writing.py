"""Settings of what is written: topics, delivery, and what labels carry."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from schemas.dead_letter import Convention
from schemas.escapes import split_unescaped, unescaped
from worker.settings.base import FieldName, HeaderName, KafkaName, SettingsGroup


class WritingSettings(SettingsGroup):
    """What the worker writes."""

    output_topic: KafkaName = Field("emotion-labels")
    """Topic that labels are written to."""

    dead_letter_topic: KafkaName = Field("emotion-dead-letters")
    """Topic for records that can never be labelled, with the reason."""

    dead_letter_conventions: Annotated[tuple[Convention, ...], NoDecode] = Field(())
    """Whose header names dead letters have beside ours, with commas between: `streams` (KIP-1034 of Kafka Streams),
    `share_groups` (KIP-1191).
    """

    delivery: Literal["exactly_once", "at_least_once"] = Field("exactly_once")
    """`exactly_once`: labels, dead letters and offsets of a window in one transaction. `at_least_once`: no
    transactions; a crash may label the last window again.
    """

    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field("none")
    """How batches of labels and dead letters are compressed: `none`, `gzip`, `snappy`, `lz4` or `zstd`. Every reader
    must know the kind: kafkajs needs a codec for all but gzip. What a message may have at most is counted before that.
    """

    copy_fields: Annotated[tuple[FieldName, ...], NoDecode] = Field(())
    """Fields of the JSON object that its label carries under `copied`, with commas between (`author.id,lang`)."""

    drop_headers: Annotated[tuple[HeaderName, ...], NoDecode] = Field(())
    """Headers of a text that its label does not carry, with commas between; one that ends with `*` stands for all that
    begin like it. Beside those that describe the bytes of the text (schemas/README.md has the list).
    """

    label_timestamp: Literal["text", "now"] = Field("text")
    """The time that labels and dead letters are stamped with: that of their `text`, or `now`. The outputs' retention
    counts from there: of old texts, labels stamped `text` may be deleted at once.
    """

    cloudevents_source: str | None = Field(None, min_length=1)
    """Labels leave as CloudEvents (binary mode) from this source, a URI such as `//example.org/labels`; unset: without
    their headers.
    """

    max_rejected_percent: int = Field(95, ge=1, le=100)
    """When more than this share of the last 1,000 or more records became dead letters, the worker stops: the producer
    or a setting is wrong, not the data. 100: never.
    """

    @field_validator("copy_fields", "drop_headers", "dead_letter_conventions", mode="before")
    @classmethod
    def _split(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in split_unescaped(value, ",")]
        return tuple(map(unescaped, parts) if info.field_name == "drop_headers" else parts)
