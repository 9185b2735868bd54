"""Files with a header whose fields a delimiter parts: CSV and its kin."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from trainer.data.files import DataFile
from trainer.data.lines import lines_of
from trainer.data.rows import Columns, Row, check_columns, row_of
from trainer.errors import UserError

DELIMITERS = ",;\t|:"
"""Those that are found, in this order."""

_NAMES = {"\t": "tab", " ": "space"}
# Any text is cut to the model's length, so that none is too long to be read; csv stops at 131,072 characters by itself.
_MOST_CHARACTERS = 2**31 - 1


def read_delimited(file: DataFile, columns: Columns) -> Iterator[Row]:
    """Yields the rows of a file with a header.

    The delimiter is the first that parts the header so that all columns appear. Between tabs each line is a row, and
    quotation marks are read as CSV has them only where all lines agree with that; else they are part of the texts.

    Raises:
        UserError: naming file, row and mend.
    """
    lines = lines_of(file)
    if not lines:
        return
    csv.field_size_limit(_MOST_CHARACTERS)
    delimiter = delimiter_of(lines[0], columns)
    if delimiter is None:
        raise _no_columns(file, lines[0], columns)
    if delimiter == "\t" and not all(map(_is_csv_by_itself, lines)):
        yield from _read_unquoted(file, lines, columns)
    else:
        yield from _read_quoted(file, lines, delimiter, columns)


def delimited_records(file: DataFile, columns: Columns) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the place and the fields of each row of a file with a header, quoted as CSV has it.

    Raises:
        UserError: naming file, row and mend.
    """
    lines = lines_of(file)
    delimiter = delimiter_of(lines[0], columns) if lines else None
    if delimiter is None:
        raise _no_columns(file, lines[0] if lines else "", columns)
    csv.field_size_limit(_MOST_CHARACTERS)
    header = _fields(lines[0], delimiter)
    for line, _, fields in _records(file, lines, delimiter):
        yield f"{file.place}, line {line}", dict(zip(header, fields, strict=False))


def delimiter_of(header: str, columns: Columns) -> str | None:
    """Returns the delimiter with which a header has all columns that are needed, or None."""
    return next((each for each in DELIMITERS if set(columns.required) <= set(_fields(header, each))), None)


def _check_once(file: DataFile, header: Sequence[str], columns: Columns) -> None:
    """Checks that no column that is read is there twice: of two cells the last would be taken.

    Raises:
        UserError: if one is.
    """
    for name in columns.used:
        if header.count(name) > 1:
            raise UserError(f"{file.place}, line 1: {header.count(name)} columns are named {name!r}; rename the others")


def _fields(line: str, delimiter: str) -> list[str]:
    """Parts a header; spaces around a name do not count."""
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]


def _no_columns(file: DataFile, header: str, columns: Columns) -> UserError:
    """Returns what is wrong with a header: its names, or its delimiter."""
    if re.fullmatch("sep=.", header, re.IGNORECASE):
        return UserError(f"{file.place}, line 1: {header!r} is a word to Excel, and no header; delete this line")
    best = max(DELIMITERS, key=lambda each: len(_fields(header, each)))
    found = _fields(header, best)
    if columns.text in found:
        check_columns(f"{file.place}, line 1", found, columns.required)
    signs = Counter(re.findall(r"[^\w\s\"'.-]|  +", header)).most_common(1)
    if len(found) > 1:
        seems = f", parted by {_shown(best)}"
    else:
        seems = f", parted by {signs[0][0]!r} as it seems: part it by commas" if signs else ""
    return UserError(
        f"{file.place}, line 1: no columns {' and '.join(map(repr, columns.required))} in the header "
        f"{header!r:.100}{seems}; name yours with --text-column and --label-column, or give the file a first line that "
        "names them; text;label lines without a header go into a file that ends in .txt"
    )


def _shown(delimiter: str) -> str:
    return _NAMES.get(delimiter, repr(delimiter))


def _is_csv_by_itself(line: str) -> bool:
    """Returns whether a tab-separated line is CSV alone: a quotation mark left open would swallow the lines behind."""
    try:
        next(csv.reader([line], delimiter="\t", strict=True), None)
    except csv.Error:
        return False
    return True


def _read_unquoted(file: DataFile, lines: Sequence[str], columns: Columns) -> Iterator[Row]:
    in_quotes = '"' in lines[0]
    header = [name.strip() for name in _tab_fields(lines[0], in_quotes=in_quotes)]
    _check_once(file, header, columns)
    for number, line in enumerate(lines[1:], start=2):
        fields = _tab_fields(line, in_quotes=in_quotes)
        if line and len(fields) != len(header):
            raise UserError(
                f"{file.place}, line {number}: {len(fields)} fields, but the header has {len(header)}; between tabs "
                "each line is a row: take tabs and line breaks out of the texts, or separate by commas"
            )
        if line:
            yield row_of(f"{file.place}, line {number}", dict(zip(header, fields, strict=True)), columns)


def _tab_fields(line: str, *, in_quotes: bool) -> list[str]:
    r"""Parts a line at its tabs; in quotes as R's write.table has it: around a field, those inside as `\"`."""
    fields = line.split("\t")
    if not in_quotes:
        return fields
    return [each[1:-1].replace(r"\"", '"') if re.fullmatch('".*"', each) else each for each in fields]


def _read_quoted(file: DataFile, lines: Sequence[str], delimiter: str, columns: Columns) -> Iterator[Row]:
    header = _fields(lines[0], delimiter)
    _check_once(file, header, columns)
    rows, spans = [], []
    for first, last, fields in _records(file, lines, delimiter):
        place = f"{file.place}, line {first}"
        if len(fields) > len(header):
            raise UserError(f"{place}: more fields than the header; quote a text that holds {_shown(delimiter)}")
        rows.append(row_of(place, dict(zip_longest(header, fields)), columns))
        if first < last:
            spans.append((first, last))
    known = {row.label for row in rows} - {""}  # a text may have no label
    for first, last in spans:
        inner = [_is_row(line.split(delimiter), header, columns, known) for line in lines[first - 1 : last]]
        if sum(inner) > len(inner) / 2:
            raise UserError(
                f"{file.place}, line {first}: a quotation mark opens here and closes in line {last}, but the lines "
                "between look like rows of their own; close the quotes, or double a quotation mark of the text"
            )
    yield from rows


def _records(file: DataFile, lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yields the first and last line of each record behind the header, and its fields."""
    # Where the header has spaces behind its delimiters, the records have them too.
    has_spaces = f"{delimiter} " in lines[0]
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True, skipinitialspace=has_spaces)
    next(reader)
    done = reader.line_num
    try:
        for fields in reader:
            if fields:
                yield done + 1, reader.line_num, fields
            done = reader.line_num
    except csv.Error as error:
        raise UserError(
            f"{file.place}, line {done + 1}: {error}; close the quotes; double those inside a text; "
            "quote a text that holds a line break"
        ) from error


def _is_row(fields: Sequence[str], header: Sequence[str], columns: Columns, known: set[str]) -> bool:
    """Returns whether the fields of a line, without regard to quotation marks, are a row with a label of other rows."""
    if columns.label is None or len(fields) != len(header):
        return False
    try:
        row = row_of("", dict(zip(header, fields, strict=True)), columns)
    except UserError:
        return False
    return row.label in known
