"""Labelled texts from files."""

import json
from collections.abc import Sequence
from pathlib import Path

import datasets
import pytest

from trainer.data.rows import Columns, Row
from trainer.data.splits import EMOTION_LABELS, Split, label_ids, label_names, label_shares, load_split
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
        ("train.parquet", write_parquet),
    ],
)
def test_each_format_gives_the_same_rows(name, write, tmp_path):  # type: ignore[no-untyped-def]
    write(tmp_path / name)

    for data in (tmp_path, tmp_path / name):
        split = load_split(str(data), "train", COLUMNS)
        assert split.source == name
        assert [(row.text, row.label) for row in split.rows] == ROWS


def parquet_of(names: list[str], labels: list[int], file: Path) -> str:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    rows = {"text": [f"text {n}" for n in range(len(labels))], "label": labels}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(file)
    return str(file)


def test_the_names_of_a_class_label_column_keep_their_order(tmp_path: Path) -> None:
    parquet_of(["neg", "pos", "mid"], [1, 2], tmp_path / "train.parquet")

    split = load_split(str(tmp_path), "train", COLUMNS)

    assert label_names(split, None) == ["neg", "pos", "mid"]
    assert label_ids(split, ["neg", "pos", "mid"]) == [1, 2]


def split_of(labels: Sequence[str]) -> Split:
    return Split("train.txt", [Row(f"train.txt, line {n}", "a text", label) for n, label in enumerate(labels, start=1)])


@pytest.mark.parametrize(
    ("labels", "given", "names", "ids"),
    [
        (sorted(EMOTION_LABELS), None, list(EMOTION_LABELS), [3, 4, 1, 2, 0, 5]),
        (["up", "down"], None, ["down", "up"], [1, 0]),
        (["10", "9", "10"], None, ["9", "10"], [1, 0, 1]),
        (["2", "1", "3"], None, ["1", "2", "3"], [1, 0, 2]),
        (["1", "0"], ["sadness", "joy"], ["sadness", "joy"], [1, 0]),
        (["b", "a"], ["b", "a"], ["b", "a"], [0, 1]),
    ],
    ids=["emotions", "names", "numbers", "numbers-are-names-first", "ids-of-given-names", "given-order"],
)
def test_labels_have_documented_ids(
    labels: list[str], given: list[str] | None, names: list[str], ids: list[int]
) -> None:
    split = split_of(labels)

    assert label_names(split, given) == names
    assert label_ids(split, names) == ids


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
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


def test_an_unknown_label_is_refused_by_its_row() -> None:
    with pytest.raises(
        UserError, match=r"train.txt, line 2: unknown label 'envy'; use one of joy, sadness, or an id below 2"
    ):
        label_ids(split_of(["joy", "envy"]), ["joy", "sadness"])


def test_an_id_out_of_range_is_refused() -> None:
    with pytest.raises(UserError, match="line 2: unknown label '2'"):
        label_ids(split_of(["1", "2"]), ["joy", "sadness"])


def test_one_label_is_too_few() -> None:
    with pytest.raises(UserError, match="at least two labels"):
        label_names(split_of(["joy", "joy"]), None)


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(UserError, match="given twice"):
        label_names(split_of(["joy"]), ["joy", "joy"])


def test_a_number_among_numbers_is_no_position() -> None:
    with pytest.raises(UserError, match=r"train\.txt, line 2: unknown label '1'; use one of 0, 2$"):
        label_ids(split_of(["2", "1"]), ["0", "2"])


def test_the_ids_of_a_class_label_column_are_positions_where_its_names_are_numbers_too(tmp_path: Path) -> None:
    parquet_of(["1", "2"], [0, 1], tmp_path / "train.parquet")

    split = load_split(str(tmp_path), "train", COLUMNS)

    assert label_ids(split, ["1", "2"]) == [0, 1]
    assert label_shares(split, ["1", "2"]) == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("names", "ids"),
    [(["neg", "pos", "mid"], [0, 2]), (["mid", "neg", "pos"], [1, 0]), (["mid", "neg", "pos", "none"], [1, 0])],
)
def test_the_ids_of_a_class_label_column_mean_its_own_names_in_whatever_order_the_model_has_them(
    names: list[str], ids: list[int], tmp_path: Path
) -> None:
    parquet_of(["neg", "pos", "mid"], [0, 2], tmp_path / "validation.parquet")

    split = load_split(str(tmp_path), "validation", COLUMNS)

    assert label_ids(split, names) == ids


@pytest.mark.parametrize(
    ("declared", "labels", "ids"),
    [
        (["never", "sad", "calm"], [1, 2, 1], [2, 1, 2]),
        (["Sad", "Calm", "Angry"], [0, 1, 2], [2, 1, 0]),
    ],
    ids=["a-name-that-no-row-has", "another-case"],
)
def test_declared_names_are_looked_up_also_where_the_model_does_not_have_all_of_them(
    declared: list[str], labels: list[int], ids: list[int], tmp_path: Path
) -> None:
    split = load_split(parquet_of(declared, labels, tmp_path / "d.parquet"), "train", COLUMNS)

    assert label_ids(split, ["angry", "calm", "sad"]) == ids


def test_a_row_with_a_declared_name_that_the_model_lacks_is_refused(tmp_path: Path) -> None:
    split = load_split(parquet_of(["never", "sad", "calm"], [1, 0], tmp_path / "d.parquet"), "train", COLUMNS)

    with pytest.raises(UserError, match=r"row 2: unknown label 'never'; use one of angry, calm, sad$"):
        label_ids(split, ["angry", "calm", "sad"])


def test_whole_floats_in_a_csv_file_are_the_whole_numbers_that_pandas_was_given(tmp_path: Path) -> None:
    labels = ["0.0", "10.0", "2.00", "-1.0", "1.5", "v1.0"]
    (tmp_path / "d.csv").write_text("text,label\n" + "".join(f"a,{label}\n" for label in labels), encoding="utf-8")

    rows = load_split(str(tmp_path / "d.csv"), "train", COLUMNS).rows

    assert [row.label for row in rows] == ["0", "10", "2", "-1", "1.5", "v1.0"]


def test_a_number_too_long_for_an_id_is_a_name() -> None:
    long = "9" * 5000

    assert label_names(split_of(["1", long]), None) == ["1", long]


def test_names_given_instead_of_those_of_a_class_label_column_are_in_its_order(tmp_path: Path) -> None:
    parquet_of(["0", "1"], [1], tmp_path / "train.parquet")

    assert label_ids(load_split(str(tmp_path), "train", COLUMNS), ["no", "yes"]) == [1]


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


def test_one_given_name_is_too_few_and_the_data_is_not_blamed() -> None:
    with pytest.raises(UserError, match=r"^--labels pos: just one label; name all of them, in id order; the data has"):
        label_names(split_of(["pos", "neg", "mid"]), ["pos"])
