"""The input contract: one text to label."""

from pydantic import BaseModel, ConfigDict, Field


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
