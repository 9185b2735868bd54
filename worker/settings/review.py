"""Settings of the sample that leaves for people to review."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from schemas.escapes import split_unescaped, unescaped
from worker.settings.base import KafkaName, SettingsGroup

Masked = Literal["email", "card", "phone", "mention"]
LeftOut = Literal["text", "id", "copied"]
PerMillion = Annotated[int, Field(ge=0, le=1_000_000)]


class ReviewSettings(SettingsGroup):
    """Which labelled texts are drawn for review, and what of them leaves."""

    review_topic: KafkaName | None = Field(None)
    """Topic for a sample of labelled texts that people review, in the transaction of their labels. It holds texts.
    Unset: nothing is drawn.
    """

    review_random_per_million: Annotated[int, Field(ge=1, le=1_000_000)] = Field(1_000)
    """Of a million labelled texts so many are drawn at random. It is never 0: what cannot be drawn cannot be estimated.
    """

    review_not_confident_per_million: PerMillion = Field(10_000)
    """The same of those whose label is not `confident`."""

    review_close_per_million: PerMillion = Field(10_000)
    """The same of those where another label is close by: see `EMOTION_REVIEW_CLOSE_SCORES`."""

    review_close_scores: float = Field(0.1, gt=0, le=1)
    """Two labels are close whose scores differ by less. Of a multi-label model: a score and its threshold."""

    review_rare_labels: Annotated[tuple[str, ...], NoDecode] = Field(())
    """Labels of the model that are rare, with commas between (`surprise,love`)."""

    review_rare_per_million: PerMillion = Field(10_000)
    """How many of a million texts with a rare label are drawn."""

    review_disagreement_per_million: PerMillion = Field(10_000)
    """The same of those that a challenger labels otherwise; it is the challenger that draws them. The topic, the seed
    and the mask must be those of the live workers.
    """

    review_per_minute: int = Field(60, ge=1)
    """How many each process draws in a minute, on average, at most. Where more would be, each text of a window is less
    likely to be drawn, by the same factor, and its `probability` says so.
    """

    drift_threshold: float = Field(0.1, gt=0, lt=1)
    """The distance from which a feature of `emotion_drift` counts as drift: the log says so, and again once it is a
    fifth below that.
    """

    review_drift_factor: float = Field(5, ge=1, le=1_000)
    """While a feature drifts, so many times as many texts are drawn, so that people see what changed. 1: no more."""

    review_seed: int = Field(0, ge=0, lt=1 << 64)
    """Another seed draws other texts. With the same one a text that is read again has the same luck."""

    review_mask: Annotated[tuple[Masked, ...], NoDecode] = Field(("email", "card", "phone", "mention"))
    """What is hidden in the texts, with commas between: `email`, `card` (numbers of payment cards), `phone`, `mention`
    (`@name`); `none`: nothing. The patterns are in docker/SECURITY.md.
    """

    review_leave_out: Annotated[tuple[LeftOut, ...], NoDecode] = Field(())
    """What does not leave at all, with commas between: `text`, `id`, `copied`."""

    @field_validator("review_rare_labels", "review_mask", "review_leave_out", mode="before")
    @classmethod
    def _split_review(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = tuple(unescaped(part.strip()) for part in split_unescaped(value, ","))
        return () if parts == ("none",) else parts
