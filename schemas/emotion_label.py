"""The output contract: the label of one text.

Plain dataclasses, because they are quick to make; `pydantic.TypeAdapter` reads the same annotations for
the JSON Schema and for validation. Those made for every record are not frozen, which would quadruple the time it takes
to make them. None has slots: orjson takes three times as long to write what has.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, JsonValue

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


@dataclass(frozen=True)
class ModelName:
    """Which model labelled the text."""

    name: Annotated[str, Field(description="The model's name, from its manifest or its folder.")]
    revision: Annotated[
        str, Field(description="`sha256:` and the digest over the model's files, or the hub's revision.")
    ]


@dataclass
class Source:
    """The record that a text came in: its origin, which rides along from the first stage to the last."""

    topic: str
    partition: Annotated[int, Field(ge=0)]
    offset: Annotated[int, Field(ge=0)]
    timestamp_ms: Annotated[
        int | None, Field(description="The record's timestamp, milliseconds since 1970 in UTC; null if it had none.")
    ]


@dataclass
class EmotionLabel:
    """A message on the output topic. Readers must read with `isolation.level=read_committed`."""

    schema_version: Annotated[Literal[1], Field(description="Raised only by a change that could break a reader.")]
    id: Annotated[str, Field(description="The message's id, else `topic-partition-offset`, else the line number.")]
    label: Annotated[str, Field(description="The label with the highest score; one of the model's own labels.")]
    score: Annotated[Probability, Field(description="The score of `label`.")]
    confident: Annotated[
        bool | None,
        Field(
            description="Whether `score` reaches the threshold of the model or the worker; null without one. Of a "
            "multi-label model: whether any label reaches its threshold."
        ),
    ]
    scores: Annotated[
        dict[str, Probability],
        Field(
            description="A score for each label of the model. They sum to 1; those of a multi-label model stand each "
            "for itself."
        ),
    ]
    tokens: Annotated[int, Field(ge=0, description="Tokens that the model saw, special ones included.")]
    truncated: Annotated[bool, Field(description="Whether the text was longer than the model takes and lost its end.")]
    model: ModelName
    source: Annotated[Source | None, Field(description="Where the text came from; null outside Kafka.")]
    labelled_at_ms: Annotated[int, Field(ge=0, description="When, in milliseconds since 1970 in UTC.")]
    copied: Annotated[
        dict[str, JsonValue],
        Field(
            description="Fields of the message that `EMOTION_COPY_FIELDS` names, by their path; without those absent."
        ),
    ] = field(default_factory=dict)
    labels: Annotated[
        list[str] | None,
        Field(
            description="Of a multi-label model: the labels whose scores reach their thresholds, the best first; empty "
            "where none does. Null for a model that gives each text one label."
        ),
    ] = None
