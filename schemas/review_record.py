"""The contract of the review topic: a labelled text that was drawn for people to look at, and how likely that was.

A plain dataclass as the label is, with which it shares its fields.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from schemas.emotion_label import ModelName, Probability, Source


class ReviewReason(StrEnum):
    """Why a text was drawn. New reasons may be added; none changes its meaning."""

    RANDOM = "random"
    NOT_CONFIDENT = "not_confident"
    CLOSE = "close"
    RARE_LABEL = "rare_label"
    DISAGREEMENT = "disagreement"


@dataclass
class ReviewRecord:
    """A message on the review topic. Readers must read with `isolation.level=read_committed`.

    Records are drawn one by one, each by a number of its own, which follows from the seed and `origin` alone. To
    estimate something of the whole stream weigh each by 1 / `probability`.
    """

    schema_version: Annotated[Literal[1], Field(description="Raised only by a change that could break a reader.")]
    origin: Annotated[
        str,
        Field(
            pattern=r"^.+-\d+-\d+$",
            description="`topic-partition-offset` of the text, and `-part` where `EMOTION_SPLIT` took its record "
            "apart; the record's key. No other text has it.",
        ),
    ]
    id: Annotated[str | None, Field(description="The label's `id`; null where it is left out.")]
    text: Annotated[
        str | None,
        Field(
            description="The text, with `[email]`, `[phone]`, `[mention]` or `[card]` for what `EMOTION_REVIEW_MASK` "
            "hides; null where it is left out."
        ),
    ]
    text_is_cut: Annotated[bool, Field(description="Whether `text` lost its end because the topic does not take all.")]
    label: Annotated[str, Field(description="As in the label of the text; so are the fields up to `source`.")]
    score: Probability
    confident: bool | None
    scores: dict[str, Probability]
    labels: list[str] | None
    truncated: bool
    model: ModelName
    source: Source
    copied: dict[str, JsonValue]
    reasons: Annotated[
        list[str],
        Field(
            min_length=1,
            description="Those for each of which alone it would have been drawn: `random`, `not_confident`, `close` "
            "(two labels, or a score and its threshold), `rare_label`, `disagreement` (with a challenger, which "
            "drew it); later versions may know more.",
        ),
    ]
    probability: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="With which this text was drawn, for all reasons together and within the bound per minute.",
        ),
    ]
    drawn_at_ms: Annotated[int, Field(ge=0, description="When, in milliseconds since 1970 in UTC.")]
