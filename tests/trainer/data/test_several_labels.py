"""Several labels a text: the forms in which files have them, and forms that nobody named."""

from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.trainer.conftest import write_json_lines
from tests.trainer.data.test_sources import write_sources
from trainer.__main__ import run
from trainer.data import several_labels
from trainer.data.labels import label_flags, label_names
from trainer.data.rows import Row
from trainer.data.several_labels import check_one_label_each, columns_of_options, load_own
from trainer.data.sources import load_sources
from trainer.data.splits import SCORES, Split, load_split
from trainer.errors import UserError

NAMES = ["anger", "joy", "love"]


def load(file: Path, separator: str | None = None, flags: list[str] | None = None) -> Split:
    return load_own(str(file), "train", columns_of_options("text", "label", separator, flags)._replace(scores=SCORES))


def write_table(path: Path, *lines: str) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def write_labels(folder: Path, labels: list[Any]) -> Path:
    return write_json_lines(
        folder / "d.jsonl", [{"text": f"text {n}", "label": label} for n, label in enumerate(labels)]
    )


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["joy,love", "joy", "", "anger , love"], ","),
        (["joy|love", "joy", "", "anger | love"], "|"),
        (["['joy', 'love']", "['joy']", "[]", '["anger", "love"]'], ","),  # as pandas writes a list into a CSV file
        (["['joy' 'love']", "['joy']", "[]", "['anger' 'love']"], " "),  # and numpy
    ],
)
def test_a_cell_of_several_labels_is_parted(cells: list[str], separator: str, tmp_path: Path) -> None:
    file = write_table(tmp_path / "d.tsv", "text\tlabel", *(f"text\t{cell}" for cell in cells))

    split = load(file, separator)

    assert split.several
    assert label_names(split, None) == NAMES
    assert label_flags(split, NAMES) == [[0, 1, 1], [0, 1, 0], [0, 0, 0], [1, 0, 1]]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_list_column_says_itself_that_a_text_may_have_several_labels(suffix: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"text": "a", "label": ["joy", "love"]}, {"text": "b", "label": []}]
    file = tmp_path / f"d.{suffix}"
    write_json_lines(file, rows) if suffix == "jsonl" else datasets.Dataset.from_list(rows).to_parquet(file)

    split = load(file)

    assert split.several
    assert label_flags(split, NAMES) == [[0, 1, 1], [0, 0, 0]]


def test_lists_behind_single_labels_are_seen_too(tmp_path: Path) -> None:
    split = load(write_labels(tmp_path, ["joy", "love", ["joy", "love"]]))

    assert label_flags(split, NAMES) == [[0, 1, 0], [0, 0, 1], [0, 1, 1]]


def test_lists_behind_a_missing_label_are_seen_too(tmp_path: Path) -> None:
    split = load(write_labels(tmp_path, [None, ["joy", "love"], ["joy"]]))

    assert label_flags(split, NAMES) == [[0, 0, 0], [0, 1, 1], [0, 1, 0]]


def test_a_missing_label_is_refused_where_no_text_has_several(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"d\.jsonl, line 2: the label is missing; give a label's name or id"):
        load(write_labels(tmp_path, ["joy", None, "love"]))


def test_numbers_in_a_list_are_the_sources_own_names(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.List(datasets.ClassLabel(names=["joy", "anger", "love"]))}
    )
    rows = {"text": ["a", "b"], "label": [[0, 2], []]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "d.parquet")

    split = load(tmp_path / "d.parquet")

    assert label_names(split, None) == ["joy", "anger", "love"]
    assert label_flags(split, ["joy", "anger", "love"]) == [[1, 0, 1], [0, 0, 0]]


def test_numbers_may_be_padded_as_numpy_writes_them(tmp_path: Path) -> None:
    split = load(write_table(tmp_path / "d.tsv", "text\tlabel", "a\t[ 8 20]", "b\t[20]"), " ")

    assert label_flags(split, ["8", "20"]) == [[1, 1], [0, 1]]


def test_ids_in_a_cell_are_those_of_the_names_that_were_given(tmp_path: Path) -> None:
    split = load(write_table(tmp_path / "d.tsv", "text\tlabel", "a\t2,0", "b\t1"), ",")

    assert label_flags(split, NAMES) == [[1, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize(("no", "yes"), [("0", "1"), ("0.0", "1.0"), ("False", "True"), ("false", "true")])
def test_columns_of_0_and_1_name_the_labels_in_their_order(no: str, yes: str, tmp_path: Path) -> None:
    lines = [",".join(("text", "love", "joy", "split")), f"a,{yes},{yes},x", f"b,{no},{yes},x", f"c,{no},{no},x"]

    split = load(write_table(tmp_path / "d.csv", *lines), flags=["love", "joy"])

    assert label_names(split, None) == ["love", "joy"]
    assert label_flags(split, ["love", "joy"]) == [[1, 1], [0, 1], [0, 0]]


def test_columns_of_json_values_are_read(tmp_path: Path) -> None:
    rows = [{"text": "a", "joy": True, "love": 1}, {"text": "b", "joy": 0.0, "love": False}]

    split = load(write_json_lines(tmp_path / "d.jsonl", rows), flags=["joy", "love"])

    assert label_flags(split, ["joy", "love"]) == [[1, 1], [0, 0]]


def test_one_column_alone_is_a_label_that_a_text_has_or_has_not(tmp_path: Path) -> None:
    split = load(write_table(tmp_path / "d.csv", "text,joy", "a,1", "b,0"), flags=["joy"])

    assert label_names(split, None) == ["joy"]
    assert label_flags(split, ["joy"]) == [[1], [0]]


@pytest.mark.parametrize(("value", "shown"), [("2", "'2'"), ("", "''"), ("yes", "'yes'"), ("nan", "'nan'")])
def test_what_is_neither_0_nor_1_is_refused_by_row_and_column(value: str, shown: str, tmp_path: Path) -> None:
    file = write_table(tmp_path / "d.csv", "text,joy", "a,1", f"b,{value}")

    with pytest.raises(UserError, match=rf"d.csv, line 3: the column 'joy' is {shown}; give 0 or 1$"):
        load(file, flags=["joy"])


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("joy,", "the label is ''"),
        (["joy", None], "the label is missing"),
        ([["joy"]], "the label is \\['joy'\\]"),
        ({"joy": 1}, "the label is {'joy': 1}"),
    ],
)
def test_a_label_that_is_none_is_refused(label: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"line 1: {message}; give a label's name or id$"):
        load(write_labels(tmp_path, [label]), ",")


@pytest.mark.parametrize("label", [[0, 1, 0], [1.0, 0.0, 1.0], "[0 0 1]", "0,1,1"])
def test_a_0_or_1_for_each_label_is_no_list_of_labels(label: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line 2: the labels are .*, a 0 or 1 for each label as it seems; write the"):
        load(write_labels(tmp_path, [["0", "1"], label]), "," if "," in str(label) else " ")


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_cell_is_a_text_without_a_label(missing: float | None, tmp_path: Path) -> None:
    split = load(write_labels(tmp_path, ["joy,love", missing]), ",")

    assert label_flags(split, NAMES) == [[0, 1, 1], [0, 0, 0]]


def test_lists_that_are_all_empty_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^d.jsonl: no text has a label; training needs at least two labels$"):
        label_names(load(write_labels(tmp_path, [[], []])), None)


def test_a_table_with_a_column_of_classes_may_have_columns_of_0_and_1_too(tmp_path: Path) -> None:
    rows = {"text": ["a", "b"], "label": [0, 1], "joy": [1, 0], "love": [1, 1]}
    names = {"label": datasets.ClassLabel(names=["neg", "pos"])}
    features = datasets.Features(
        {name: names.get(name, datasets.Value("string" if name == "text" else "int64")) for name in rows}
    )
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "d.parquet")

    split = load(tmp_path / "d.parquet", flags=["joy", "love"])

    assert label_flags(split, ["joy", "love"]) == [[1, 1], [0, 1]]


def test_scores_are_of_each_label_for_itself(tmp_path: Path) -> None:
    rows = [{"text": "a", "scores": {"joy": 0.9, "love": 0.8}}, {"text": "b", "scores": {"joy": 0.0, "love": 0.0}}]
    file = write_json_lines(tmp_path / "d.jsonl", rows)

    (split,) = load_sources(write_sources(tmp_path, {"data": str(file)}), seed=1, several=True)

    assert label_flags(split, NAMES) == [[0, 0.9, 0.8], [0, 0, 0]]
    with pytest.raises(UserError, match="line 1: the score of 'joy' is 3; give a number from 0 to 1"):
        label_flags(load(write_json_lines(file, [{"text": "a", "scores": {"joy": 3}}]), ","), NAMES)


def test_labels_of_further_data_count_fully_and_are_mapped(tmp_path: Path) -> None:
    cells = write_table(tmp_path / "d.tsv", "text\tlabel", "a\tglad,kind", "b\todd", "c\t", "d\tglad,odd", "e\tcalm")
    columns = write_table(tmp_path / "c.csv", "text,anger,joy", "a,1,1", "b,0,0")
    label_map = {"glad": "joy", "kind": {"love": 1, "joy": 1}, "odd": None, "calm": {}}
    sources: list[dict[str, Any]] = [
        {"data": str(cells), "label_separator": ",", "label_map": label_map},
        {"data": str(columns), "label_columns": ["anger", "joy"]},
    ]

    mapped, flags = load_sources(write_sources(tmp_path, *sources), seed=1, several=True)

    assert [row.text for row in mapped.rows] == ["a", "c", "d", "e"]
    assert label_flags(mapped, NAMES) == [[0, 1, 1], [0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert label_flags(flags, NAMES) == [[1, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("labels", "separator"),
    [
        (["joy,love", "joy", "love"], ","),
        (["8|20", "8|3", "20", "3"], "|"),
        (["joy; love", "love;joy;anger", "anger"], ";"),
        (["joy/love", "joy", "love"], "/"),
        (["['joy', 'love']", "['joy']", "['love']"], ","),
        (["[8 20]", "[8]", "[20]"], " "),
    ],
)
def test_several_labels_in_a_cell_are_refused_where_each_text_has_one(
    labels: list[str], separator: str, tmp_path: Path
) -> None:
    split = load(write_labels(tmp_path, labels))

    with pytest.raises(UserError, match=rf"^d.jsonl: \d of its {len(labels)} classes are several labels in a cell"):
        check_one_label_each(split, None)
    with pytest.raises(UserError, match=rf"give --label-separator '\{separator}' to part them"):
        check_one_label_each(split, None)
    check_one_label_each(split, labels)  # on purpose


@pytest.mark.parametrize(
    "labels",
    [
        ["fear/panic", "joy", "sadness"],  # a name with a stroke: its parts are no labels
        ["very happy", "very sad", "happy", "sad"],
        ["happy, glad", "sad, low", "calm"],
        ["surprise, positive", "surprise, negative", "joy, positive", "joy, negative"],
    ],
)
def test_a_name_that_just_holds_a_separator_is_a_label(labels: list[str], tmp_path: Path) -> None:
    check_one_label_each(load(write_labels(tmp_path, labels)), None)


def test_names_that_the_source_declares_are_labels_whatever_labels_were_given() -> None:
    rows = [Row("d.parquet, row 1", "a", label) for label in ("joy, love", "joy", "love")]

    check_one_label_each(Split("d.parquet", rows, ["joy, love", "joy", "love"]), ["love", "joy", "both"])


@pytest.mark.parametrize("suffix", ["tsv", "parquet", "jsonl"])
def test_columns_of_0_and_1_are_named_where_the_label_is_missing(suffix: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"ID": "7", "text": "a", "anger": 1, "no joy": 0, "votes": 3},
        {"ID": "8", "text": "b", "anger": 0, "no joy": 1, "votes": 0},
    ]
    file = tmp_path / f"d.{suffix}"
    if suffix == "parquet":
        datasets.Dataset.from_list(rows).to_parquet(file)
    elif suffix == "jsonl":
        write_json_lines(file, rows)
    else:
        write_table(file, "\t".join(rows[0]), *("\t".join(map(str, row.values())) for row in rows))

    with pytest.raises(
        UserError, match=r"no column 'label', but columns of 0 and 1; give --label-columns anger 'no joy'"
    ):
        load(file)


def test_columns_of_0_and_1_are_found_without_a_read_of_the_file_for_each_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"c{n}" for n in range(40)]
    cells = [str(n % 3) for n in range(40)]
    file = write_table(tmp_path / "d.csv", ",".join(["text", *names]), ",".join(["a", *cells]))
    reads: list[str] = []

    def counted(*given: Any) -> Split:
        reads.append(given[0])
        return load_split(*given)

    monkeypatch.setattr(several_labels, "load_split", counted)

    with pytest.raises(UserError, match="give --label-columns c0 c1 c3 c4"):
        load(file)

    assert len(reads) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--label-separator", "", "--model", "none"], "--label-separator: empty"),
        (["--label-columns", "joy", "joy"], "--label-columns joy joy: name each column of 0 and 1 once"),
        (["--label-columns", "joy", "text"], "--label-columns joy text: name each column of 0 and 1 once"),
        (["--label-columns", "joy", "--label-separator", ","], "two forms of several labels"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "--output", str(tmp_path / "a"), "--use_cpu", *options]) == 2

    (error,) = capsys.readouterr().err.splitlines()
    assert message in error
