"""Readers of the text formats that labelled texts come in: each yields rows, and says which row it cannot read."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from trainer.data.rows import Columns, Row, check_columns, row_of
from trainer.errors import UserError, first_line

# Any text is cut to the model's length, so that none is too long to be read; csv stops at 131,072 characters by itself.
_MOST_CHARACTERS = 2**31 - 1


def read_file(path: Path, columns: Columns) -> Iterator[Row]:
    """Yields the rows of a file in its order; its suffix names the format.

    * `.txt`: one `text;label` a line; the last semicolon separates, nothing is quoted, blank lines are skipped, and a
      first line that holds just the two column names is a header.
    * `.csv`, `.tsv`: with a header. The delimiter is the first of comma, semicolon and tab that splits the header so
      that both columns appear. Between tabs each line is a row, and quotation marks are read as CSV has them only where
      all lines agree with that; else they are part of the texts.
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
    csv.field_size_limit(_MOST_CHARACTERS)
    delimiter = _delimiter(path, lines[0], columns)
    if delimiter == "\t" and not all(map(_is_csv_by_itself, lines)):
        yield from _read_unquoted(path, lines, columns)
        return
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
        raise UserError(
            f"{place}: {error}; close the quotes; double those inside a text; quote a text that holds a line break"
        ) from error


def _is_csv_by_itself(line: str) -> bool:
    """Returns whether a tab-separated line is CSV alone: a quotation mark left open would swallow the lines behind."""
    try:
        next(csv.reader([line], delimiter="\t", strict=True), None)
    except csv.Error:
        return False
    return True


def _read_unquoted(path: Path, lines: list[str], columns: Columns) -> Iterator[Row]:
    header = lines[0].split("\t")
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if line and len(fields) != len(header):
            raise UserError(
                f"{path}, line {number}: {len(fields)} fields, but the header has {len(header)}; between tabs each "
                "line is a row: take tabs and line breaks out of the texts, or separate by commas"
            )
        if line:
            yield row_of(f"{path}, line {number}", dict(zip(header, fields, strict=True)), columns)


def _delimiter(path: Path, header: str, columns: Columns) -> str:
    for delimiter in ",;\t":
        if set(columns.required) <= set(next(csv.reader([header], delimiter=delimiter))):
            return delimiter
    for delimiter in ",;\t":
        if columns.text in (names := next(csv.reader([header], delimiter=delimiter))):
            check_columns(f"{path}, line 1", names, columns.required)
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
        except (ValueError, RecursionError) as error:  # no JSON, a number of 4300 digits, a thousand brackets
            what = error.msg if isinstance(error, json.JSONDecodeError) else first_line(error)
            raise UserError(f"{place}: no JSON ({what}); write one object a line") from error
        if not isinstance(record, dict):
            raise UserError(f"{place}: JSON, but no object; write one object a line")
        yield row_of(place, record, columns)


def _lines(path: Path) -> list[str]:
    """Reads the lines of a UTF-8 file, which only a line feed ends: other separators may stand inside a text."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: no UTF-8; save the file as UTF-8") from error
    if "\r" in text and "\n" not in text:
        raise UserError(f"{path}: its lines end in a carriage return alone; save the file with line feeds")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


READERS: Mapping[str, Callable[[Path, Columns], Iterator[Row]]] = {
    ".txt": _read_text,
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".json": _read_json_lines,
}
