"""Delimiters and quotation marks of files with a header."""

from pathlib import Path

import pytest

from trainer.data.rows import Columns
from trainer.data.splits import load_split
from trainer.errors import UserError

COLUMNS = Columns("text", "label")
SEVERAL = Columns("text", "label", label_separator=",", several=True)
ROWS = [("i feel fine", "joy"), ("i feel low", "sadness")]


def read(path: Path, content: str, columns: Columns = COLUMNS) -> list[tuple[str, str]]:
    path.write_text(content, encoding="utf-8")
    return [(row.text, row.label) for row in load_split(str(path), "train", columns).rows]


def refusal(path: Path, content: str) -> str:
    with pytest.raises(UserError) as caught:
        read(path, content)
    return str(caught.value)


@pytest.mark.parametrize("name", ["d.csv", "d.tsv"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", ", "])
def test_the_header_shows_the_delimiter_whatever_the_suffix(name: str, delimiter: str, tmp_path: Path) -> None:
    lines = [("text", "label"), *ROWS]

    assert read(tmp_path / name, "".join(f"{text}{delimiter}{label}\n" for text, label in lines)) == ROWS


def test_a_txt_file_may_have_a_header_with_tabs(tmp_path: Path) -> None:
    content = "id\ttext\tlabel\n" + "".join(f"1\t{text}\t{label}\n" for text, label in ROWS)

    assert read(tmp_path / "d.txt", content) == ROWS
    assert "line 1: no semicolon, but a tab; end the name in .tsv" in refusal(tmp_path / "d.txt", "i feel\tjoy\n")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("text~label", "in the header 'text~label', parted by '~' as it seems: part it by commas; name yours"),
        ("tweet\tmood", "in the header 'tweet\\tmood', parted by tab; name yours with --text-column"),
        ("text|mood", "line 1: no column 'label' among 'text', 'mood'; name yours with"),
        ("sep=,\ntext,label", "line 1: 'sep=,' is a word to Excel, and no header; delete this line"),
        ("text,label,text", "line 1: 2 columns are named 'text'; rename the others"),
        ("text\tlabel\tlabel", "line 1: 2 columns are named 'label'; rename the others"),
    ],
)
def test_a_header_without_the_columns_is_refused_with_what_seems_to_part_it(
    header: str, message: str, tmp_path: Path
) -> None:
    assert message in refusal(tmp_path / "d.csv", f"{header}\nhi,joy\n")


def test_a_quotation_mark_that_swallows_rows_is_refused_where_it_opens(tmp_path: Path) -> None:
    content = 'text,label\nhi,joy\n"so low,sadness\nfine,joy\nso it is",joy\nlow,sadness\n'

    assert "d.csv, line 3: a quotation mark opens here and closes in line 5" in refusal(tmp_path / "d.csv", content)
    unclosed = 'text,label\nhi,joy\n"so low,sadness\nfine,joy\n'
    assert "d.csv, line 3: unexpected end of data; close the quotes" in refusal(tmp_path / "d.csv", unclosed)


def test_a_text_of_several_lines_is_one_row(tmp_path: Path) -> None:
    text = "so happy, really\n\nall, day\nlong"

    assert read(tmp_path / "d.csv", f'text,label\n"{text}",joy\nlow,sadness\n') == [(text, "joy"), ("low", "sadness")]


def test_a_text_of_several_lines_is_one_row_beside_texts_without_a_label(tmp_path: Path) -> None:
    content = 'text,label\nhey,\n"Hi John,\nthanks a lot",joy\nlow,sadness\n'

    rows = read(tmp_path / "d.csv", content, SEVERAL)

    assert rows == [("hey", ""), ("Hi John,\nthanks a lot", "joy"), ("low", "sadness")]


def test_a_file_of_r_has_quotation_marks_around_header_and_fields_and_backslashes_inside(tmp_path: Path) -> None:
    content = '"id"\t"text"\t"label"\n1\t"he said \\"hi\\" to me"\t"joy"\n2\t"low"\t"sadness"\n'

    assert read(tmp_path / "d.tsv", content) == [('he said "hi" to me', "joy"), ("low", "sadness")]


def test_a_txt_file_may_have_columns_of_0_and_1_behind_a_header_with_semicolons(tmp_path: Path) -> None:
    columns = Columns("text", "label", label_columns=("joy", "love"), several=True)

    rows = read(tmp_path / "d.txt", "text;joy;love\nfine;1;0\nlow;0;0\ndear;0;1\n", columns)

    assert rows == [("fine", "joy"), ("low", ""), ("dear", "love")]
