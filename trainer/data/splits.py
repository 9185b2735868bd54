"""Splits: labelled texts from a file, a folder with a file for each split, or a hub data set."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainer.data.readers import READERS, plain_rows, read_file
from trainer.data.rows import Columns, Row, check_columns, row_of
from trainer.errors import UserError, first_line

FILE_SUFFIXES = (*READERS, ".parquet")

SCORES = "scores"
"""Column of the distributions, named as the worker's labels and `emotion-trainer soft-label` name it."""


@dataclass(frozen=True)
class Split:
    """Labelled texts of one split, as read."""

    source: str
    """Where they came from, without any folder of this machine: `train.txt` or `dair-ai/emotion (train)`."""
    rows: list[Row]
    label_names: Sequence[str] | None = None
    """Names in id order, where the source itself declares them; some may occur in no row."""
    several: bool = False
    """Whether a row may have several labels, each for itself."""

    @property
    def texts(self) -> list[str]:
        """The texts, in order."""
        return [row.text for row in self.rows]

    @property
    def digest(self) -> str:
        """The SHA-256 of the rows: it names what they are, wherever they came from."""
        rows = "".join(
            f"{row.text}\t{json.dumps(row.scores, sort_keys=True) if row.scores else row.label}\n" for row in self.rows
        )
        return f"sha256:{hashlib.sha256(rows.encode()).hexdigest()}"


def load_split(data: str, split: str, columns: Columns) -> Split:
    """Loads one split.

    Args:
        data: A file, which is taken whole; a folder with a file for each split, such as `train.csv`; or a hub data set.
        split: Name of the split in a folder or hub data set.
        columns: Names of the columns.

    Raises:
        UserError: if there is no such data, or if a row cannot be read.
    """
    path = Path(data)
    if path.is_dir():
        path = _file_of_split(path, split)
    suffix = path.suffix.lower()
    if suffix in FILE_SUFFIXES and not path.is_file():
        raise UserError(f"{path}: no such file")
    if suffix in READERS:
        loaded = Split(path.name, list(read_file(path, columns)))
    elif suffix in FILE_SUFFIXES:
        loaded = _load_from_parquet(path, columns)
    elif path.is_absolute() or path.exists():
        raise UserError(f"{path}: neither a folder nor a file that ends in {', '.join(FILE_SUFFIXES)}")
    else:
        loaded = _load_from_hub(data, split, columns)
    if not loaded.rows:
        raise UserError(f"{data}: no rows in {loaded.source}; give a file with at least one labelled text")
    return replace(loaded, label_names=columns.label_columns or loaded.label_names, several=columns.several)


def load_texts(data: str, split: str, text_column: str, *, is_plain: bool) -> list[Row]:
    """Loads texts alone, whether they have labels or not.

    Args:
        data: As in `load_split`; a file of plain texts, one a line, if `is_plain`.
        split: Name of the split in a folder or hub data set.
        text_column: Name of the column of the text.
        is_plain: Whether the file's lines are the texts.

    Raises:
        UserError: if there is no such data, if a row cannot be read, or if there is none.
    """
    rows = list(plain_rows(Path(data))) if is_plain else load_split(data, split, Columns(text_column, None)).rows
    if not rows:
        raise UserError(f"{data}: no texts; give a file with at least one")
    return rows


def _file_of_split(folder: Path, split: str) -> Path:
    found = sorted(path for path in folder.glob(f"{split}.*") if path.suffix.lower() in FILE_SUFFIXES)
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise UserError(f"{folder}: needs one file for the split {split!r}, such as {split}.csv; found {names}")
    return found[0]


def _load_from_parquet(path: Path, columns: Columns) -> Split:
    import datasets
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read as Parquet: {first_line(error)}; write the file again") from error
    return _split_of(datasets.Dataset(table), str(path), path.name, columns)


def _load_from_hub(name: str, split: str, columns: Columns) -> Split:
    import datasets

    try:
        dataset = datasets.load_dataset(name, split=split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise UserError(
            f"{name}: no such file, and its split {split!r} cannot be loaded from the hub: {first_line(error)}; "
            "check name, split and network, or give files of your own"
        ) from error
    source = f"{name} ({split})"
    return _split_of(dataset, source, source, columns)


def _split_of(dataset: Any, place: str, source: str, columns: Columns) -> Split:
    """Reads a `datasets.Dataset`; numbers of a ClassLabel, or in lists of it, get their names."""
    has_scores = columns.scores in dataset.column_names
    check_columns(place, dataset.column_names, (columns.text,) if has_scores else columns.required)
    names = [name for name in columns.used if name in dataset.column_names]
    feature = dataset.features.get(columns.label)
    declared = getattr(getattr(feature, "feature", feature), "names", None)
    rows = []
    for number, values in enumerate(zip(*(dataset[name] for name in names), strict=True), start=1):
        record = dict(zip(names, values, strict=True))
        if declared and columns.label:
            record[columns.label] = _named(record[columns.label], declared)
        rows.append(row_of(f"{place}, row {number}", record, columns))
    return Split(source, rows, declared)


def _named(label: Any, names: Sequence[str]) -> Any:
    """Returns the name of a ClassLabel's number, or those of a list of them; what is no such number stays as it is."""
    if isinstance(label, list):
        return [_named(each, names) for each in label]
    return names[label] if isinstance(label, int) and 0 <= label < len(names) else label
