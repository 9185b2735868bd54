"""The input contract: one text to label."""

from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class TextMessage(BaseModel):
    """A message on the input topic. Fields beside these two are allowed and ignored."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", json_schema_extra={"additionalProperties": True}
    )

    text: str = Field(
        description="The text to label. Must hold at least one visible character.",
        json_schema_extra={"pattern": r"\S"},
    )
    id: str | None = Field(
        default=None,
        description="The producer's name for this message. Absent or null: `topic-partition-offset` takes its place.",
    )


class SkipReason(StrEnum):
    """Why a record gets neither label nor dead letter."""

    CONDITION = "condition"
    OTHER_SHARE = "other_share"
    UNCHANGED_TEXT = "unchanged_text"
    WITHOUT_TEXT = "without_text"


@dataclass(slots=True)
class DecodedMessage:
    """A message that keeps the contract, with the fields that its label will carry, by their path.

    Not frozen, and no model of pydantic: one is made for every record.
    """

    text: str
    id: str | None = None
    copied: dict[str, JsonValue] = field(default_factory=dict)
