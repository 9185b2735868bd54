"""Readers of the text formats that labelled texts come in: each yields rows, and says which row it cannot read."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trainer.data.delimited import delimiter_of, read_delimited
from trainer.data.files import DataFile
from trainer.data.lines import lines_of
from trainer.data.rows import Columns, Row, row_of
from trainer.errors import UserError, first_line


def read_file(file: DataFile, columns: Columns) -> Iterator[Row]:
    """Yields the rows of a file in its order; its suffix names the format.

    * `.txt`: one `text;label` a line; the last semicolon separates, nothing is quoted, blank lines are skipped, and a
      first line that holds just the two column names is a header. With a header that another delimiter parts, or with
      columns of 0 and 1, it is as `.csv`.
    * `.csv`, `.tsv`: with a header, see `read_delimited`.
    * `.jsonl`, `.json`: one object a line, blank lines are skipped; or one array of objects.

    Raises:
        UserError: naming file, row and mend.
    """
    return READERS[file.suffix](file, columns)


def plain_rows(file: DataFile) -> Iterator[Row]:
    """Yields a row without a label for each line of a file of plain texts; blank lines are skipped.

    Raises:
        UserError: if the file is not there, or is no UTF-8.
    """
    for number, line in enumerate(lines_of(file), start=1):
        if line.strip():
            yield Row(f"{file.place}, line {number}", line, "")


def _read_text(file: DataFile, columns: Columns) -> Iterator[Row]:
    lines = lines_of(file)
    other = lines and ";" not in lines[0] and columns.label and delimiter_of(lines[0], columns)
    if other or columns.label_columns:
        yield from read_delimited(file, columns)
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip() or (number == 1 and line == f"{columns.text};{columns.label or 'label'}"):
            continue
        text, separator, label = line.rpartition(";")
        place = f"{file.place}, line {number}"
        if not separator and "\t" in line:
            raise UserError(f"{place}: no semicolon, but a tab; end the name in .tsv, and give the file a header")
        if not separator:
            raise UserError(f"{place}: no semicolon; write each line as text;label")
        yield row_of(place, {columns.text: text, columns.label or "": label}, columns)


def _read_json(file: DataFile, columns: Columns) -> Iterator[Row]:
    for place, record in json_records(file, columns.text):
        yield row_of(place, record, columns)


def json_records(file: DataFile, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields the place and the object of each row of a `.jsonl` or `.json` file; `text` is the column of the text.

    Raises:
        UserError: naming file, row and mend.
    """
    lines = lines_of(file)
    begin = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines and lines[begin].lstrip().startswith("["):
        yield from _read_array(file, "\n".join(lines))
        return
    is_alone = not any(line.strip() for line in lines[begin + 1 :])
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"{file.place}, line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == begin + 1 and (key := _key_of_rows(_parsed("\n".join(lines)))):
                raise UserError(_holds(file, key)) from error
            raise UserError(f"{place}: no JSON ({_reason(error)}); write one object a line") from error
        if not isinstance(record, dict):
            raise UserError(f"{place}: JSON, but no object; write one object a line")
        if is_alone and not isinstance(record.get(text), str) and (key := _key_of_rows(record)):
            raise UserError(_holds(file, key))
        yield place, record


def _read_array(file: DataFile, content: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        records = json.loads(content)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise UserError(
            f"{file.place}, line {line}: no JSON ({_reason(error)}); write one array of objects, or one object a line"
        ) from error
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            place = f"{file.place}, line 1" if number == 1 else f"{file.place}, row {number}"
            raise UserError(f"{place}: JSON, but no object; write one object a line, or one array of objects")
        yield f"{file.place}, row {number}", record


def _reason(error: BaseException) -> str:
    """Returns why something is no JSON: a mistake, a number of 4300 digits, a thousand brackets."""
    return error.msg if isinstance(error, json.JSONDecodeError) else first_line(error)


def _parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _key_of_rows(record: Any) -> str | None:
    """Returns the key of an object that holds rows in itself, as `{"data": [...]}` or pandas' columns, or None."""
    if not isinstance(record, dict):
        return None
    return next((key for key, value in record.items() if isinstance(value, list | dict)), None)


def _holds(file: DataFile, key: str) -> str:
    return (
        f"{file.place}: one object that holds its rows in {key!r}; write the rows alone, as one array of objects or "
        'one object a line; pandas does so with to_json(orient="records")'
    )


READERS: Mapping[str, Callable[[DataFile, Columns], Iterator[Row]]] = {
    ".txt": _read_text,
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": _read_json,
    ".json": _read_json,
}
