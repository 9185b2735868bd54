"""Readers of the text formats that labelled texts come in: each yields rows, and says which row it cannot read."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trainer.errors import UserError


class Columns(NamedTuple):
    """The names of the two columns that are read; others are ignored."""

    text: str
    label: str


class Row(NamedTuple):
    """One labelled text."""

    place: str
    """Where it was read, for messages: `train.csv, line 12`."""
    text: str
    label: str
    """Name or id, as text."""


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


def checked_row(place: str, text: Any, label: Any) -> Row:
    """Returns the row of a text and a label of any type.

    Raises:
        UserError: if the text is no text or blank, or if the label is neither name nor id.
    """
    if not isinstance(text, str) or not text.strip():
        raise UserError(f"{place}: the text is {_shown(text)}; give a text or remove the row")
    if isinstance(label, bool) or not isinstance(label, str | int) or not str(label).strip():
        raise UserError(f"{place}: the label is {_shown(label)}; give a label's name or id")
    return Row(place, text, str(label).strip())


def _read_text(path: Path, columns: Columns) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip() or (number == 1 and line == ";".join(columns)):
            continue
        text, separator, label = line.rpartition(";")
        if not separator:
            raise UserError(f"{path}, line {number}: no semicolon; write each line as text;label")
        yield checked_row(f"{path}, line {number}", text, label)


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
            yield checked_row(place, record[columns.text], record[columns.label])
    except csv.Error as error:
        place = f"{path}, line {done + 1}"
        raise UserError(f"{place}: {error}; close the quotes; double those inside a text") from error


def _delimiter(path: Path, header: str, columns: Columns) -> str:
    for delimiter in ",;\t":
        if set(columns) <= set(next(csv.reader([header], delimiter=delimiter))):
            return delimiter
    raise UserError(
        f"{path}, line 1: no columns {columns.text!r} and {columns.label!r} in the header {header!r:.100}; "
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
        check_columns(place, record, columns)
        yield checked_row(place, record[columns.text], record[columns.label])


def check_columns(place: str, found: Iterable[str], columns: Columns) -> None:
    """Checks that both columns are among those found.

    Raises:
        UserError: if not.
    """
    found = list(found)
    for name in columns:
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
