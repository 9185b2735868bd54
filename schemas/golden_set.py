"""The golden set of a model: texts of which it is written down what the model makes of them.

The trainer writes it beside the weights. Whoever loads the folder elsewhere holds it against what comes out there: a
wrong tokenizer, broken weights, a driver or a number format that bends labels is found before it labels anything.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

GOLDEN_FILE = "golden.jsonl"


class GoldenText(BaseModel):
    """A text and what the model makes of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str = Field(min_length=1)
    label: str = Field(description="Its best label.")
    scores: dict[str, float] | None = Field(
        default=None, description="Score of each label, 0 to 1, in float32; without them the label alone counts."
    )


class GoldenSetError(Exception):
    """What is wrong with a golden set; never shows a text."""


def read_golden_set(file: Path) -> list[GoldenText]:
    """Returns the texts of a JSON Lines file, in its order.

    Raises:
        GoldenSetError: if it cannot be read, holds no text, or a line is none.
    """
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise GoldenSetError(f"{file}: cannot be read: {error.strerror}") from error
    if not (texts := list(_texts(file, lines))):
        raise GoldenSetError(f"{file}: holds no text")
    return texts


def write_golden_set(file: TextIO, texts: Iterable[GoldenText]) -> None:
    """Writes the texts, one JSON object a line."""
    file.writelines(f"{text.model_dump_json()}\n" for text in texts)


def _texts(file: Path, lines: list[bytes]) -> Iterator[GoldenText]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield GoldenText.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise GoldenSetError(f"{file}, line {number}: {place + ': ' if place else ''}{first['msg']}") from error
