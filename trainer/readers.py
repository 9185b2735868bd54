"""Readers of the text formats that labelled texts come in: each yields rows, and says which row it cannot read."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trainer.errors import UserError


class Columns(NamedTuple):
    """The names of the columns that are read; others are ignored."""

    text: str
    label: str | None
    """None where no label is needed: it is not read then."""
    scores: str | None = None
    """Where a row may have an object of scores instead of a label; None: scores are ignored."""

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that a file with a header must have."""
        return (self.text,) if self.label is None else (self.text, self.label)


class Row(NamedTuple):
    """One text with its label, or with a distribution over the labels."""

    place: str
    """Where it was read, for messages: `train.csv, line 12`."""
    text: str
    label: str
    """Name or id, as text; that of the highest score where there are scores, empty where no label was read."""
    scores: Mapping[str, float] | None = None
    """Share of each label, summing to 1; a label that is missing has none."""
    augment: bool = True
    """Whether augmentation may change the text."""


def read_file(path: Path, columns: Columns) -> Iterator[Row]:
    """Yields the rows of a file in its order; its suffix names the format.

    * `.txt`: one `text;label` a line; the last semicolon separates, nothing is quoted, blank lines are skipped, and a
      first line that holds just the two column names is a header.
    * `.csv`, `.tsv`: with a header. The delimiter is the first of comma, semicolon and tab that splits the header so
      that both columns appear.
    * `.jsonl`, `.json`: one object a line, blank lines are skipped.

    Raises:
        UserError: naming file, row and mend.
    """
    return READERS[path.suffix.lower()](path, columns)


def plain_rows(path: Path) -> Iterator[Row]:
    """Yields a row without a label for each line of a file of plain texts; blank lines are skipped.

    Raises:
        UserError: if the file is not there, or is no UTF-8.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    for number, line in enumerate(_lines(path), start=1):
        if line.strip():
            yield Row(f"{path}, line {number}", line, "")


def row_of(place: str, record: Mapping[str, Any], columns: Columns) -> Row:
    """Returns the row of a record; an object of scores goes before a label.

    Raises:
        UserError: if a column is missing, the text is no text or blank, the label is neither name nor id, or the scores
            are no distribution.
    """
    check_columns(place, record, (columns.text,))
    text = record[columns.text]
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{place}: the text is {_shown(text)}; give a text or remove the row")
    scores = record.get(columns.scores) if columns.scores else None
    if isinstance(scores, Mapping):
        shares = _normalised(place, scores)
        return Row(place, text, max(shares, key=shares.__getitem__), shares)
    if columns.label is None:
        return Row(place, text, "")
    check_columns(place, record, (columns.label,))
    label = record[columns.label]
    if isinstance(label, bool) or not isinstance(label, str | int) or not str(label).strip():
        raise UserError(f"{place}: the label is {_shown(label)}; give a label's name or id")
    return Row(place, text, str(label).strip())


def _normalised(place: str, scores: Mapping[str, Any]) -> dict[str, float]:
    """Returns the scores scaled to a sum of 1; one that is null, as Parquet fills in, counts as missing."""
    given = {name: score for name, score in scores.items() if score is not None}
    for name, score in given.items():
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score < math.inf:
            raise UserError(f"{place}: the score of {name!r} is {_shown(score)}; give a number of 0 or more")
    total = sum(given.values())
    if not total:
        raise UserError(f"{place}: no score above 0; give each label its share, or remove the row")
    return {name: score / total for name, score in given.items()}


def _read_text(path: Path, columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip() or (number == 1 and line == f"{columns.text};{columns.label or 'label'}"):
            continue
        text, separator, label = line.rpartition(";")
        if not separator:
            raise UserError(f"{path}, line {number}: no semicolon; write each line as text;label")
        yield row_of(f"{path}, line {number}", {columns.text: text, columns.label or "": label}, columns)


def _read_csv(path: Path, columns: Columns) -> Iterator[Row]:
    lines = _lines(path)
    if not lines:
        return
    delimiter = _delimiter(path, lines[0], columns)
    reader = csv.DictReader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    done = 1
    try:
        for record in reader:
            done = reader.line_num
            place = f"{path}, line {done}"
            if None in record:
                raise UserError(f"{place}: more fields than the header; quote a text that holds {delimiter!r}")
            yield row_of(place, record, columns)
    except csv.Error as error:
        place = f"{path}, line {done + 1}"
        raise UserError(f"{place}: {error}; close the quotes; double those inside a text") from error


def _delimiter(path: Path, header: str, columns: Columns) -> str:
    for delimiter in ",;\t":
        if set(columns.required) <= set(next(csv.reader([header], delimiter=delimiter))):
            return delimiter
    raise UserError(
        f"{path}, line 1: no columns {' and '.join(map(repr, columns.required))} in the header {header!r:.100}; "
        "name yours with --text-column and --label-column; a file of text;label lines without a header must end in .txt"
    )


def _read_json_lines(path: Path, columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{place}: no JSON ({error.msg}); write one object a line") from error
        if not isinstance(record, dict):
            raise UserError(f"{place}: JSON, but no object; write one object a line")
        yield row_of(place, record, columns)


def check_columns(place: str, found: Iterable[str], needed: Iterable[str]) -> None:
    """Checks that the needed columns are among those found.

    Raises:
        UserError: if not.
    """
    found = list(found)
    for name in needed:
        if name not in found:
            raise UserError(
                f"{place}: no column {name!r} among {', '.join(map(repr, found))}; "
                "name yours with --text-column and --label-column"
            )


def _lines(path: Path) -> list[str]:
    """Reads the lines of a UTF-8 file, which only a line feed ends: other separators may stand inside a text."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: no UTF-8; save the file as UTF-8") from error
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _shown(value: Any) -> str:
    return "missing" if value is None else f"{value!r:.40}"


READERS: Mapping[str, Callable[[Path, Columns], Iterator[Row]]] = {
    ".txt": _read_text,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".json": _read_json_lines,
}
