"""The contract of the topic of disagreements: a text that a challenger labels otherwise than the live workers did.

A plain dataclass as the label is, with which it shares its fields. It holds no text.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from schemas.emotion_label import EmotionLabel, ModelName, Probability, Source


@dataclass
class GivenLabel:
    """What one of the two models made of the text; each field as in its label."""

    label: str
    score: Probability
    confident: bool | None
    scores: dict[str, Probability]
    labels: list[str] | None
    model: ModelName
    labelled_at_ms: Annotated[int, Field(ge=0)]

    @classmethod
    def of(cls, label: EmotionLabel) -> "GivenLabel":
        """That of a label."""
        return cls(
            label.label, label.score, label.confident, label.scores, label.labels, label.model, label.labelled_at_ms
        )


@dataclass
class Disagreement:
    """A message on the topic of disagreements. Readers must read with `isolation.level=read_committed`.

    Two models disagree where the labels that they give differ: `label`, or all of `labels` where a model gives a text
    any number of them. Their order and their scores do not count.
    """

    schema_version: Annotated[Literal[1], Field(description="Raised only by a change that could break a reader.")]
    origin: Annotated[
        str,
        Field(
            pattern=r"^.+-\d+-\d+$",
            description="`topic-partition-offset` of the text. No other text has it: a reader knows by it what it has "
            "seen already.",
        ),
    ]
    id: Annotated[
        str | None, Field(description="The `id` of both labels; null where the topic does not take one so long.")
    ]
    source: Annotated[Source, Field(description="The record that the text came in.")]
    answer: Annotated[
        Source,
        Field(description="The record of the output topic that holds the live label; its timestamp is the label's."),
    ]
    live: Annotated[GivenLabel, Field(description="What readers of the output topic have.")]
    challenger: Annotated[GivenLabel, Field(description="What they would have with the other model.")]
