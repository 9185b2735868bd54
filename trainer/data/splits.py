"""Splits: labelled texts from a file, a folder or archive with files for each split, or a hub data set."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from trainer.data.answer_files import is_answer_file
from trainer.data.files import DataFile, data_files, file_at, is_archive
from trainer.data.pairs import labels_of_pair, read_pair
from trainer.data.readers import READERS, plain_rows, read_file
from trainer.data.reviews import load_reviews
from trainer.data.rows import Columns, Row
from trainer.data.split_files import TEXTS, files_of_split
from trainer.data.tables import (
    TABLE_SUFFIXES,
    hub_table,
    is_saved,
    is_saved_whole,
    rows_of_table,
    saved_table,
    table_of,
)
from trainer.errors import UserError

FILE_SUFFIXES = (*READERS, *TABLE_SUFFIXES)

TRAIN = "train"
"""Name of the split that is trained on."""

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


def load_split(data: str, split: str, columns: Columns, config: str | None = None) -> Split:
    """Loads one split.

    Args:
        data: A file, which is taken whole, unless it holds answers to reviewed texts: it has both halves as splits; a
            folder or zip archive with files for each split, such as `train.csv`; a folder that `datasets` saved; or a
            hub data set.
        split: Name of the split in a folder, archive or hub data set.
        columns: Names of the columns.
        config: Of a hub data set, or of a folder with a folder for each config; None where there is just one.

    Raises:
        UserError: if there is no such data, or if a row cannot be read.
    """
    path = Path(data)
    is_file = not path.is_dir() and not is_archive(path) and file_at(path).suffix in FILE_SUFFIXES
    if config and (is_file or is_saved(path)):
        raise UserError(f"{path}: no config {config!r}; it has none, so leave it out")
    if is_saved(path):
        which = "" if is_saved_whole(path) else f" ({split})"
        loaded = Split(f"{path.name}{which}", *rows_of_table(saved_table(path, split), f"{path}{which}", columns))
    elif path.is_dir() or is_archive(path):
        prefix = f"{path.name}/" if is_archive(path) else ""
        loaded = _load_files(prefix, *_files_of(path, split, config), columns)
    elif is_file and is_answer_file(file_at(path)):
        loaded = Split(f"{path.name} ({split})", _answered_rows(data, split))
    elif is_file:
        loaded = _load_files("", [file_at(path)], _beside(path), columns)
    elif path.is_absolute() or path.exists():
        raise _no_data(path)
    else:
        source = f"{data} ({config}, {split})" if config else f"{data} ({split})"
        loaded = Split(source, *rows_of_table(hub_table(data, split, config), source, columns))
    if not loaded.rows:
        raise UserError(f"{data}: no rows in {loaded.source}; give a file with at least one labelled text")
    return replace(loaded, label_names=columns.label_columns or loaded.label_names, several=columns.several)


def load_texts(data: str, split: str, text_column: str, config: str | None = None, *, is_plain: bool) -> list[Row]:
    """Loads texts alone, whether they have labels or not.

    Args:
        data: As in `load_split`; a file of plain texts, one a line, if `is_plain`.
        split: Name of the split in a folder or hub data set.
        text_column: Name of the column of the text.
        config: As in `load_split`.
        is_plain: Whether the file's lines are the texts.

    Raises:
        UserError: if there is no such data, if a row cannot be read, or if there is none.
    """
    if is_plain:
        rows = list(plain_rows(file_at(Path(data))))
    else:
        rows = load_split(data, split, Columns(text_column, None), config).rows
    if not rows:
        raise UserError(f"{data}: no texts; give a file with at least one")
    return rows


def splits_in(data: str, wanted: Sequence[str]) -> Sequence[str]:
    """Returns the names of the splits to load: those wanted, or one where the data are one file or table.

    Raises:
        UserError: if an archive is not there, broken or encrypted, or if a file is of another kind.
    """
    path = Path(data)
    if path.is_file() and not is_archive(path) and file_at(path).suffix not in FILE_SUFFIXES:
        raise _no_data(path)
    if is_saved_whole(path):
        return [path.name]
    if is_archive(path) and len(files := data_files(path, FILE_SUFFIXES)) == 1:
        return [PurePath(files[0].name).stem]
    if not path.is_file() or is_archive(path) or is_answer_file(file_at(path)):
        return wanted
    return [PurePath(file_at(path).name).stem]


def _no_data(path: Path) -> UserError:
    return UserError(f"{path}: neither a folder nor a file that ends in {', '.join(FILE_SUFFIXES)}, .gz or .zip")


def _answered_rows(data: str, split: str) -> list[Row]:
    """Returns the half of the reviewed texts that trains, or that measures, as rows.

    A text whose annotators were divided has shares of several labels where it trains, and does not measure.
    """
    rows = []
    for review in load_reviews([data]).reviews:
        truth, text = review.truth, review.draw.text
        if text and text.strip() and review.measures == (split != TRAIN) and (len(truth) == 1 or split == TRAIN):
            rows.append(Row(review.place, text, next(iter(truth)), truth if len(truth) > 1 else None))
    return rows


def _files_of(path: Path, split: str, config: str | None) -> tuple[list[DataFile], list[DataFile]]:
    """Returns the files of a split in a folder or archive, and all that are there; an archive of one file is it."""
    files = data_files(path, FILE_SUFFIXES)
    if is_archive(path) and len(files) == 1 and not config:
        return files, files
    return files_of_split(path, files, split, config), files


def _beside(path: Path) -> list[DataFile]:
    """Returns the text files beside a file, where it may be half of a pair."""
    return [file_at(each) for each in path.parent.glob("*.txt*")] if TEXTS in path.name else []


def _load_files(prefix: str, files: Sequence[DataFile], beside: Sequence[DataFile], columns: Columns) -> Split:
    """Reads the files of a split as one; `prefix` goes before the name of the first to tell where they came from."""
    rows: list[Row] = []
    declared = None
    for file in files:
        if labels := labels_of_pair(file, beside):
            more, names = read_pair(file, labels, beside, columns)
        elif file.suffix in TABLE_SUFFIXES:
            more, names = rows_of_table(table_of(file), file.place, columns)
        else:
            more, names = list(read_file(file, columns)), None
        rows += more
        declared = declared or names
    others = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return Split(f"{prefix}{files[0].parts[-1]}{others}", rows, declared)
