"""Further training data: any number of sets, each with columns, label names and weight of its own."""

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from trainer.data.labels import SHOWN_LABELS
from trainer.data.rows import Columns, Row, checked_scores, normalised
from trainer.data.splits import SCORES, Split, load_split
from trainer.errors import UserError


class LabelledData(BaseModel):
    """What every entry of a file of further data says: where texts and labels are, and what the labels are to us."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field(min_length=1, description="File, folder with a file for each split, or hub data set.")
    split: str = Field(default="train", description="Split of the folder or hub data set.")
    config: str | None = Field(default=None, description="Config of the hub data set, or folder of it in the folder.")
    text_column: str = Field(default="text", description="Name of the column of the text.")
    label_column: str = Field(default="label", description="Name of the column of the label or its id.")
    label_separator: str | None = Field(
        default=None, min_length=1, description="What parts several labels of a row, which share it alike."
    )
    label_columns: list[str] | None = Field(
        default=None, min_length=1, description="Columns of 0 and 1, one a label, instead of the column of the label."
    )
    label_map: dict[str, str | dict[str, Any] | None] = Field(
        default={},
        description="Our label, or shares of ours, for each of theirs; null leaves it out. Others stay as they are.",
    )

    @property
    def columns(self) -> Columns:
        """The names of its columns; a row may have several labels."""
        flags = tuple(self.label_columns) if self.label_columns else None
        return Columns(self.text_column, self.label_column, SCORES, self.label_separator, flags, several=True)


Entry = TypeVar("Entry", bound=LabelledData)


class Source(LabelledData):
    """One entry of the file that `train --datasets` names."""

    repeat: float = Field(
        default=1, gt=0, allow_inf_nan=False, description="How often an epoch holds each row; 0.5: a random half."
    )
    augment: bool = Field(default=True, description="Whether --augment may change these texts.")


def load_sources(file: str | None, seed: int, *, several: bool = False) -> list[Split]:
    """Loads the training data that a JSON file lists, with labels mapped and rows repeated.

    Args:
        file: A list of `Source` objects; None for no further data.
        seed: Of the choice of rows where only part of them is taken.
        several: Whether labels of a row are each for themselves; else they share it.

    Raises:
        UserError: naming file, entry and field, or the row, that cannot be used.
    """
    entries = [] if file is None else read_entries("--datasets", file, Source)
    return [_load(source, seed, several) for source in entries]


def read_entries(option: str, file: str, entry: type[Entry]) -> list[Entry]:
    """Reads a JSON file with a list of objects.

    Args:
        option: What names the file, for messages.
        file: Its path.
        entry: What each object is.

    Raises:
        UserError: naming file, entry and field.
    """
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{option} {file}: cannot be read: {error.strerror}; give a JSON file") from error
    try:
        entries: list[Entry] = TypeAdapter(list[entry]).validate_json(content)  # type: ignore[valid-type]
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f", entry {part + 1}" if isinstance(part, int) else f", {part}" for part in first["loc"])
        fields = ", ".join(entry.model_fields)
        raise UserError(
            f"{option} {file}{place}: {first['msg']}; write a list of objects with the fields {fields}"
        ) from error
    for number, each in enumerate(entries, start=1):
        if each.label_columns and each.label_separator:
            raise UserError(
                f"{option} {file}, entry {number}: label_columns and label_separator: two forms of several labels; "
                "give one of them"
            )
    return entries


def merged(splits: list[Split]) -> Split:
    """Returns one split of all rows, named for all its sources; the first names the labels."""
    rows = [row for split in splits for row in split.rows]
    return Split(" + ".join(split.source for split in splits), rows, splits[0].label_names, splits[0].several)


def mapped_split(source: LabelledData, *, several: bool = False) -> Split:
    """Loads the rows of an entry with its labels mapped; those whose labels are all left out are missing.

    Args:
        source: The entry.
        several: Whether labels of a row are each for themselves; else they share it.

    Raises:
        UserError: naming the row or the label that cannot be used, or if no row is left.
    """
    split = load_split(source.data, source.split, source.columns, source.config)
    _check_map(split, source)
    label_map = {theirs: _ours(source, theirs, several) for theirs in source.label_map}
    mapped = _each_for_itself if several else _shared
    rows = [new for row in split.rows if (new := mapped(row, label_map)) is not None]
    if not rows:
        raise UserError(f"{source.data}: its label_map leaves out every row; map at least one label to one of yours")
    return Split(split.source, rows, several=several)


def _load(source: Source, seed: int, several: bool) -> Split:
    split = mapped_split(source, several=several)
    rows = [row._replace(augment=source.augment) for row in split.rows]
    repeated = _repeated(rows, source.repeat, seed)
    if not repeated:
        raise UserError(f"{source.data}: repeat {source.repeat:g} of {len(rows)} rows is none; give more")
    name = split.source if source.repeat == 1 else f"{split.source} × {source.repeat:g}"
    return replace(split, source=name, rows=repeated)


def _check_map(split: Split, source: LabelledData) -> None:
    """Checks that the label map names labels of the source alone, declared ones included."""
    found = {name for row in split.rows for name in row.by_label}
    found.update(split.label_names or ())
    if unknown := sorted(source.label_map.keys() - found):
        known = ", ".join(sorted(found)[:SHOWN_LABELS])
        raise UserError(
            f"{source.data}: its label_map names {unknown[0]!r}, which occurs nowhere there; name some of {known}"
        )


def _ours(source: LabelledData, theirs: str, several: bool) -> Mapping[str, float] | None:
    """Returns the scores of our labels in one of theirs, shares unless each is for itself; None if it is left out."""
    ours = source.label_map[theirs]
    if isinstance(ours, dict):
        place = f"{source.data}: its label_map, {theirs!r}"
        return checked_scores(place, ours) if several else normalised(place, ours)
    return None if ours is None else {ours: 1.0}


def _shared(row: Row, label_map: Mapping[str, Mapping[str, float] | None]) -> Row | None:
    """Returns the row with the share of each of our labels, summing to 1, or None if it is left out."""
    if not row.by_label:
        raise UserError(f"{row.place}: no label; each text has one or more here: give it, or remove the row")
    shares: dict[str, float] = {}
    for theirs, share in normalised(row.place, row.by_label).items():
        for ours, part in (label_map.get(theirs, {theirs: 1.0}) or {}).items():
            shares[ours] = shares.get(ours, 0.0) + share * part
    if not (total := sum(shares.values())):
        return None
    label = max(shares, key=shares.__getitem__)
    scores = {name: share / total for name, share in shares.items()} if len(shares) > 1 else None
    return row._replace(label=label, scores=scores)


def _each_for_itself(row: Row, label_map: Mapping[str, Mapping[str, float] | None]) -> Row | None:
    """Returns the row with the score of each of our labels, or None if all of its own are left out."""
    kept = {theirs: ours for theirs in row.by_label if (ours := label_map.get(theirs, {theirs: 1.0})) is not None}
    if row.by_label and not kept:
        return None
    scores: dict[str, float] = {}
    for theirs, labels in kept.items():
        for label, part in labels.items():
            scores[label] = max(scores.get(label, 0.0), row.by_label[theirs] * part)
    return row._replace(label=max(scores, key=scores.__getitem__, default=""), scores=scores)


def _repeated(rows: list[Row], times: float, seed: int) -> list[Row]:
    part = random.Random(seed).sample(rows, round(times % 1 * len(rows)))  # noqa: S311 - no secret
    return rows * int(times) + part
