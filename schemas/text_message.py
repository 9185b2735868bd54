"""The input contract: one text to label.

A plain dataclass, because one is made for every record; `pydantic.TypeAdapter` reads the same annotations.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field


@dataclass(slots=True)
class TextMessage:
    """A message on the input topic. Fields beside these two are allowed and ignored."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        strict=True, extra="ignore", json_schema_extra={"additionalProperties": True}
    )

    text: Annotated[
        str,
        Field(
            description="The text to label. Must hold at least one visible character.",
            json_schema_extra={"pattern": r"\S"},
        ),
    ]
    id: Annotated[
        str | None,
        Field(
            description="The producer's name for this message. Absent or null: `topic-partition-offset` takes "
            "its place."
        ),
    ] = None
