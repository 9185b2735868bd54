"""Reviewed texts: what a worker drew from its stream, and what people said of it."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trainer.data.answer_files import ORIGIN, Answer, read_answers
from trainer.data.files import file_at
from trainer.errors import UserError


class Draw(BaseModel):
    """One drawn text, as `emotion-worker reviews export` writes it; CSV files hold each field as text."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    origin: str = Field(min_length=1)
    text: str | None = None
    label: str | None = None
    score: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    scores: dict[str, float] | None = None
    confident: bool | None = None
    labels: list[str] | None = None
    probability: float | None = None
    model: str | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _cell(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("scores", "labels", mode="before")
    @classmethod
    def _json(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) and value.strip() else value

    @field_validator("score", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return _with_point(value)

    @field_validator("probability", mode="before")
    @classmethod
    def _known(cls, value: Any) -> float | None:
        """Returns the probability, or None if it is none: such a text cannot be weighed, but trained on."""
        try:
            number = float(_with_point(value))
        except (TypeError, ValueError):
            return None
        return number if 0 < number <= 1 else None


def _with_point(value: Any) -> Any:
    """Returns a number in a cell as Python reads it: spreadsheets of half of the world write 0,5."""
    return value.replace(",", ".") if isinstance(value, str) else value


@dataclass(frozen=True)
class Review:
    """One drawn text with all that people said of it."""

    place: str
    draw: Draw
    votes: Mapping[str, str]
    """The label that each annotator chose; at least one."""

    @property
    def truth(self) -> dict[str, float]:
        """The label that most annotators chose; several with as many votes share it alike."""
        counts = Counter(self.votes.values())
        most = max(counts.values())
        best = [label for label, count in counts.items() if count == most]
        return dict.fromkeys(best, 1 / len(best))

    @property
    def measures(self) -> bool:
        """Whether the text is of the half that measures and never trains: by a hash of the text, whatever its case."""
        text = self.draw.origin if self.draw.text is None else " ".join(self.draw.text.split()).casefold()
        return bool(hashlib.sha256(text.encode("utf-8", "replace")).digest()[0] & 1)


@dataclass(frozen=True)
class Reviews:
    """The reviewed texts of some files."""

    source: str
    """The names of the files."""
    reviews: list[Review]
    """In the order of the files."""
    left_out: Mapping[str, int]
    """How many answers are not used, by the reason in words."""


def load_reviews(files: Sequence[str]) -> Reviews:
    """Reads files of answers; what was said of one draw in several places is put together.

    Of each annotator the last answer to a text counts.

    Raises:
        UserError: naming file, row and mend; also if no text was answered, or if its answers have several labels.
    """
    answers = [answer for file in files for answer in read_answers(file_at(Path(file)))]
    source = ", ".join(Path(file).name for file in files)
    draws: dict[str, tuple[str, Draw]] = {}
    votes: dict[str, dict[str, str]] = {}
    left_out: Counter[str] = Counter()
    for answer in answers:
        draw = _draw(answer)
        draws[draw.origin] = _likelier(draws.get(draw.origin), (answer.place, draw))
        if len(answer.choices) == 1:
            votes.setdefault(draw.origin, {})[answer.annotator] = answer.choices[0]
        else:
            left_out["answers with several labels" if answer.choices else "skipped or not answered"] += 1
    if not votes:
        raise UserError(f"{source}: no answers; give what people said of texts of `emotion-worker reviews export`")
    reviews = [Review(place, draw, votes[origin]) for origin, (place, draw) in draws.items() if origin in votes]
    return Reviews(source, reviews, dict(left_out))


def _likelier(one: tuple[str, Draw] | None, other: tuple[str, Draw]) -> tuple[str, Draw]:
    """Returns of two draws of a text the one with the larger probability, the first of equal ones.

    A live worker and a challenger compare the same number with a probability of their own, so the larger one is that
    with which the text was drawn at all.
    """
    if one is None or (one[1].probability or 0) < (other[1].probability or 0):
        return other
    return one


def _draw(answer: Answer) -> Draw:
    if ORIGIN not in answer.fields:
        raise UserError(f"{answer.place}: no {ORIGIN}; give answers to texts of `emotion-worker reviews export`")
    try:
        draw = Draw.model_validate(dict(answer.fields))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{answer.place}, {place}: {first['msg']}; give it as the worker wrote it") from error
    if draw.labels is not None:
        raise UserError(
            f"{answer.place}: the model gives any number of labels a text; answers are taken of models that give one"
        )
    return draw
