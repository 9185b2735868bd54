"""Further training data: any number of sets, each with columns, label names and weight of its own."""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from trainer.data.labels import SHOWN_LABELS
from trainer.data.rows import Columns, Row, normalised
from trainer.data.splits import SCORES, Split, load_split
from trainer.errors import UserError


class Source(BaseModel):
    """One entry of the file that `--datasets` names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(min_length=1, description="File, folder with a file for each split, or hub data set.")
    split: str = Field(default="train", description="Split of the folder or hub data set.")
    text_column: str = Field(default="text", description="Name of the column of the text.")
    label_column: str = Field(default="label", description="Name of the column of the label or its id.")
    label_separator: str | None = Field(
        default=None, min_length=1, description="What parts several labels of a row, which share it alike."
    )
    label_map: dict[str, str | dict[str, Any] | None] = Field(
        default={},
        description="Our label, or shares of ours, for each of theirs; null leaves it out. Others stay as they are.",
    )
    repeat: float = Field(
        default=1, gt=0, allow_inf_nan=False, description="How often an epoch holds each row; 0.5: a random half."
    )
    augment: bool = Field(default=True, description="Whether --augment may change these texts.")


def load_sources(file: str | None, seed: int) -> list[Split]:
    """Loads the training data that a JSON file lists, with labels mapped and rows repeated.

    Args:
        file: A list of `Source` objects; None for no further data.
        seed: Of the choice of rows where only part of them is taken.

    Raises:
        UserError: naming file, entry and field, or the row, that cannot be used.
    """
    if file is None:
        return []
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"--datasets {file}: cannot be read: {error.strerror}; give a JSON file") from error
    try:
        sources = TypeAdapter(list[Source]).validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f", entry {part + 1}" if isinstance(part, int) else f", {part}" for part in first["loc"])
        fields = ", ".join(Source.model_fields)
        raise UserError(
            f"--datasets {file}{place}: {first['msg']}; write a list of objects with the fields {fields}"
        ) from error
    return [_load(source, seed) for source in sources]


def merged(splits: list[Split]) -> Split:
    """Returns one split of all rows, named for all its sources; the first names the labels."""
    rows = [row for split in splits for row in split.rows]
    return Split(" + ".join(split.source for split in splits), rows, splits[0].label_names)


def _load(source: Source, seed: int) -> Split:
    columns = Columns(source.text_column, source.label_column, SCORES, source.label_separator)
    split = load_split(source.data, source.split, columns)
    _check_map(split, source)
    label_map = {theirs: _shares_of(source, theirs) for theirs in source.label_map}
    rows = []
    for row in split.rows:
        shares = _mapped(row, label_map)
        if shares:
            label = max(shares, key=shares.__getitem__)
            scores = shares if row.scores or len(shares) > 1 else None
            rows.append(row._replace(label=label, scores=scores, augment=source.augment))
    if not rows:
        raise UserError(f"{source.data}: its label_map leaves out every row; map at least one label to one of yours")
    repeated = _repeated(rows, source.repeat, seed)
    if not repeated:
        raise UserError(f"{source.data}: repeat {source.repeat:g} of {len(rows)} rows is none; give more")
    name = split.source if source.repeat == 1 else f"{split.source} × {source.repeat:g}"
    return Split(name, repeated)


def _check_map(split: Split, source: Source) -> None:
    """Checks that the label map names labels of the source alone, declared ones included."""
    found = {name for row in split.rows for name in row.scores or (row.label,)}
    found.update(split.label_names or ())
    if unknown := sorted(source.label_map.keys() - found):
        known = ", ".join(sorted(found)[:SHOWN_LABELS])
        raise UserError(
            f"{source.data}: its label_map names {unknown[0]!r}, which occurs nowhere there; name some of {known}"
        )


def _shares_of(source: Source, theirs: str) -> Mapping[str, float]:
    """Returns the share of each of our labels in one of theirs, summing to 1, or none if it is left out."""
    ours = source.label_map[theirs]
    if isinstance(ours, dict):
        return normalised(f"{source.data}: its label_map, {theirs!r}", ours)
    return {} if ours is None else {ours: 1.0}


def _mapped(row: Row, label_map: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Returns the share of each of our labels, summing to 1, or none if the row is left out."""
    shares: dict[str, float] = {}
    for theirs, share in (row.scores or {row.label: 1.0}).items():
        for ours, part in label_map.get(theirs, {theirs: 1.0}).items():
            shares[ours] = shares.get(ours, 0.0) + share * part
    total = sum(shares.values())
    return {label: share / total for label, share in shares.items()} if total else {}


def _repeated(rows: list[Row], times: float, seed: int) -> list[Row]:
    part = random.Random(seed).sample(rows, round(times % 1 * len(rows)))  # noqa: S311 - no secret
    return rows * int(times) + part
