"""The input contract: one text to label."""

from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Fields:
    """Where a message's parts lie in a JSON object. Dots lead into nested objects (`data.body`)."""

    text: str = "text"
    id: str = "id"
    copied: tuple[str, ...] = ()


@dataclass(slots=True)
class DecodedMessage:
    """A message that keeps the contract, with the fields that its label will carry, by their path.

    Not frozen, and no model of pydantic: one is made for every record.
    """

    text: str
    id: str | None = None
    copied: dict[str, JsonValue] = field(default_factory=dict)
