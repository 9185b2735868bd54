"""Labelled texts from files."""

import json
from pathlib import Path

import datasets
import pytest

from trainer.data.rows import Columns
from trainer.data.splits import load_split
from trainer.errors import UserError

COLUMNS = Columns("text", "label")
ROWS = [('i feel; so, "so" happy', "joy"), ("i feel low ☂", "sadness")]


def write_txt(path: Path) -> None:
    path.write_text("".join(f"{text};{label}\n" for text, label in ROWS), encoding="utf-8")


def write_txt_with_header(path: Path) -> None:
    path.write_text("text;label\r\n\r\n" + "\r\n".join(f"{text};{label}" for text, label in ROWS), encoding="utf-8-sig")


def write_csv(path: Path, delimiter: str = ",") -> None:
    lines = [["id", "label", "text"]] + [["1", label, '"' + text.replace('"', '""') + '"'] for text, label in ROWS]
    path.write_text("".join(delimiter.join(line) + "\n" for line in lines), encoding="utf-8")


def write_semicolon_csv(path: Path) -> None:
    write_csv(path, ";")


def write_tsv(path: Path) -> None:
    write_csv(path, "\t")


def write_json_lines(path: Path) -> None:
    lines = [json.dumps({"text": text, "label": label, "lang": "en"}) for text, label in ROWS]
    path.write_text("\n\n".join(lines), encoding="utf-8")


def write_json_array(path: Path) -> None:
    path.write_text(json.dumps([{"text": text, "label": label} for text, label in ROWS], indent=2), encoding="utf-8")


def write_parquet(path: Path) -> None:
    datasets.Dataset.from_list([{"label": label, "text": text} for text, label in ROWS]).to_parquet(path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("train.txt", write_txt),
        ("train.txt", write_txt_with_header),
        ("train.csv", write_csv),
        ("train.csv", write_semicolon_csv),
        ("train.tsv", write_tsv),
        ("train.jsonl", write_json_lines),
        ("train.json", write_json_array),
        ("train.parquet", write_parquet),
    ],
)
def test_each_format_gives_the_same_rows(name, write, tmp_path):  # type: ignore[no-untyped-def]
    write(tmp_path / name)

    for data in (tmp_path, tmp_path / name):
        split = load_split(str(data), "train", COLUMNS)
        assert split.source == name
        assert [(row.text, row.label) for row in split.rows] == ROWS


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (
            'text\tlabel\n"never again\tanger\nhe said "hi"\tjoy\n\n'
            'and "left"\tsadness\n"yes" he said\tjoy\n"no"\tfear\n',
            [
                ('"never again', "anger"),
                ('he said "hi"', "joy"),
                ('and "left"', "sadness"),
                ('"yes" he said', "joy"),
                ('"no"', "fear"),
            ],
        ),
        ('text\tlabel\n"say ""hi"" now"\tjoy\n"a\tb"\tfear\n', [('say "hi" now', "joy"), ("a\tb", "fear")]),
    ],
)
def test_between_tabs_each_line_is_a_row_quoted_or_not(
    content: str, rows: list[tuple[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "d.tsv").write_text(content, encoding="utf-8")

    split = load_split(str(tmp_path / "d.tsv"), "train", COLUMNS)

    assert [(row.text, row.label) for row in split.rows] == rows


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.tsv", b'text\tlabel\n"so\nlow"\tsadness\n', "d.tsv, line 2: 1 fields, but the header has 2; between tabs"),
        ("d.tsv", b'text\tlabel\n"so\tlow\tjoy\n', "d.tsv, line 2: 3 fields, but the header has 2; between tabs"),
        ("d.txt", b"fine;joy\nno label here\n", "d.txt, line 2: no semicolon; write each line as text;label"),
        ("d.txt", b"fine;joy\n ;joy\n", "d.txt, line 2: the text is ' '; give a text or remove the row"),
        ("d.txt", b"fine;joy\nfine;\n", "d.txt, line 2: the label is ''; give a label's name or id"),
        ("d.txt", b"fine;joy\n\xff;joy\n", "d.txt, line 2: no UTF-8; save the file as UTF-8"),
        ("d.txt", b"", "no rows in d.txt; give a file with at least one labelled text"),
        ("d.csv", b"", "no rows in d.csv; give a file with at least one labelled text"),
        ("d.csv", b"tweet,label\nhi,joy\n", "d.csv, line 1: no columns 'text' and 'label' in the header 'tweet,label'"),
        (
            "d.csv",
            b"text,label\nhi, you,joy\n",
            "d.csv, line 2: more fields than the header; quote a text that holds ','",
        ),
        ("d.csv", b"text,label\nhi,joy\nhi\n", "d.csv, line 3: the label is missing; give a label's name or id"),
        ("d.csv", b'text,label\n"hi,joy\n', "d.csv, line 2: unexpected end of data; close the quotes"),
        ("d.jsonl", b'{"text": "hi", "label": 1}\n{"text": "h', "d.jsonl, line 2: no JSON (Unterminated string"),
        ("d.jsonl", b'["hi", 1]\n', "d.jsonl, line 1: JSON, but no object; write one object a line"),
        (
            "d.jsonl",
            b'{"text": "hi"}\n',
            "d.jsonl, line 1: no column 'label' among 'text'; name yours with --text-column",
        ),
        ("d.jsonl", b'{"text": 5, "label": 1}\n', "d.jsonl, line 1: the text is 5; give a text or remove the row"),
        (
            "d.jsonl",
            b'{"text": "hi", "label": null}\n',
            "d.jsonl, line 1: the label is missing; give a label's name or id",
        ),
        ("d.jsonl", b'{"text": "hi", "label": 1.5}\n', "d.jsonl, line 1: the label is 1.5; give a label's name or id"),
        (
            "d.csv",
            b"text,label\rhi,joy\rlow,sadness\r",
            "d.csv: its lines end in a carriage return alone; save the file",
        ),
        ("d.csv", b"text,label\nhi\rthere,joy\n", "d.csv, line 2: new-line character seen in unquoted field"),
        ("d.jsonl", b'{"text": "hi", "label": ' + b"9" * 5000 + b"}", "d.jsonl, line 1: no JSON (Exceeds the limit"),
        ("d.jsonl", b"[" * 100_000, "d.jsonl, line 1: no JSON (maximum recursion depth exceeded"),
        ("d.jsonl", b'{"text": "\\ud83d", "label": 1}', "d.jsonl, line 1: the text holds half of a surrogate pair"),
        (
            "d.jsonl",
            b'{"text": "hi", "label": "\\ud83d"}',
            "d.jsonl, line 1: the label is '\\ud83d'; give a label's name",
        ),
        (
            "d.json",
            b'{"data": [{"text": "hi", "label": 1}]}',
            "d.json: one object that holds its rows in 'data'; write",
        ),
        ("d.json", b'{\n"data": [\n{"text": "hi", "label": 1}]\n}', "d.json: one object that holds its rows in 'data'"),
        ("d.json", b'{"text": {"0": "hi"}, "label": {"0": 1}}', "d.json: one object that holds its rows in 'text'"),
        (
            "d.jsonl",
            b'{"tweet": "hi", "labels": ["joy"]}\n{"tweet": "ho", "labels": []}\n',
            "d.jsonl, line 1: no column 'text' among 'tweet', 'labels'; name yours with --text-column",
        ),
        ("d.json", b'[{"text": "hi", "label": 1},\n{"text": "hi"', "d.json, line 2: no JSON (Expecting ',' delimiter"),
        ("d.json", b'[{"text": "hi", "label": 1}, 7]', "d.json, row 2: JSON, but no object; write one object a line"),
        (
            "d.json",
            b'[{"text": "hi", "label": 1},\n{"text": "", "label": 1}]',
            "d.json, row 2: the text is ''; give a text",
        ),
        ("d.arrow", b"ARROW1 cut short", "d.arrow: cannot be read as Arrow"),
        ("d.parquet", b"PAR1 cut short", "d.parquet: cannot be read as Parquet"),
        ("d.xlsx", b"", "d.xlsx: neither a folder nor a file that ends in .txt, .csv"),
    ],
)
def test_a_bad_file_is_refused_by_file_row_and_mend(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UserError) as caught:
        load_split(str(tmp_path / name), "train", COLUMNS)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_row_of_a_parquet_file_is_named(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["hi", None], "label": [0, 1]}).to_parquet(tmp_path / "d.parquet")

    with pytest.raises(UserError, match=r"d\.parquet, row 2: the text is missing"):
        load_split(str(tmp_path / "d.parquet"), "train", COLUMNS)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UserError, match=r"nowhere/train\.csv: no such file"):
        load_split("nowhere/train.csv", "train", COLUMNS)


def test_a_folder_without_the_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a;joy\n", encoding="utf-8")

    with pytest.raises(
        UserError, match=r"needs one file for the split 'validation', such as validation.csv; found none"
    ):
        load_split(str(tmp_path), "validation", COLUMNS)


def test_a_folder_with_two_files_for_a_split_is_refused(tmp_path: Path) -> None:
    for suffix in ("txt", "csv"):
        (tmp_path / f"train.{suffix}").write_text("a;joy\n", encoding="utf-8")

    with pytest.raises(UserError, match=r"found train.csv, train.txt"):
        load_split(str(tmp_path), "train", COLUMNS)


def test_whole_floats_in_a_csv_file_are_the_whole_numbers_that_pandas_was_given(tmp_path: Path) -> None:
    labels = ["0.0", "10.0", "2.00", "-1.0", "1.5", "v1.0"]
    (tmp_path / "d.csv").write_text("text,label\n" + "".join(f"a,{label}\n" for label in labels), encoding="utf-8")

    rows = load_split(str(tmp_path / "d.csv"), "train", COLUMNS).rows

    assert [row.label for row in rows] == ["0", "10", "2", "-1", "1.5", "v1.0"]


def test_whole_floats_are_ids_and_the_row_without_one_is_named(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["a", "b"], "label": [2.0, 0.0]}).to_parquet(tmp_path / "d.parquet")
    assert [row.label for row in load_split(str(tmp_path / "d.parquet"), "train", COLUMNS).rows] == ["2", "0"]

    for name, missing in (("null", None), ("nan", float("nan"))):
        file = tmp_path / f"{name}.parquet"
        datasets.Dataset.from_dict({"text": ["a", "b"], "label": [2.0, missing]}).to_parquet(file)
        with pytest.raises(
            UserError, match=rf"{name}\.parquet, row 2: the label is missing; give a label's name or id"
        ):
            load_split(str(file), "train", COLUMNS)


def test_a_text_of_any_length_is_read_from_csv(tmp_path: Path) -> None:
    text = "so happy " * 20_000
    (tmp_path / "d.csv").write_text(f"text,label\n{text},joy\n", encoding="utf-8")

    (row,) = load_split(str(tmp_path / "d.csv"), "train", COLUMNS).rows

    assert row.text == text
