"""What looks wrong with labels."""

import re
import tracemalloc
from pathlib import Path

import pytest

from tests.trainer.conftest import WORDS, make_rows, write_text_file
from trainer.__main__ import run
from trainer.data.label_checks import check_not_rare, label_counts, spellings, texts_by_label
from trainer.data.rows import Row
from trainer.data.splits import Split
from trainer.errors import UserError
from trainer.training.arguments import parse
from trainer.training.training_data import load_training_data


def test_spellings_differ_in_case_and_spaces_alone() -> None:
    counts = {"joy": 9, "Joy": 2, "very  sad": 1, "very sad": 4, "anger": 3, "straße": 1, "STRASSE": 2}

    assert spellings(counts) == [{"joy": 9, "Joy": 2}, {"very sad": 4, "very  sad": 1}, {"STRASSE": 2, "straße": 1}]


def test_a_data_report_points_out_labels_in_two_spellings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d.csv").write_text("text,label\na,joy\nb,joy\nc,Joy\nd,anger\n", encoding="utf-8")

    assert run(["data-report", "--data", str(tmp_path / "d.csv")]) == 0

    (line,) = capsys.readouterr().err.splitlines()
    assert "labels in several spellings, with their texts: 'joy' 2, 'Joy' 1. " in line
    assert '"label_map": {"Joy": "joy"}' in line


SPACES = {
    "cells.csv": 'text,label\na,joy\nb," joy"\nc,anger \n',
    "lists.jsonl": '{"text": "a", "label": ["joy"]}\n{"text": "b", "label": ["joy ", "anger"]}\n'
    '{"text": "c", "label": [" anger"]}\n',
    "lines.txt": "a;joy\nb; joy\nc;anger \n",
}


@pytest.mark.parametrize("name", SPACES)
def test_spaces_around_labels_are_left_out_and_said(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(SPACES[name], encoding="utf-8")

    assert run(["data-report", "--data", str(tmp_path / name)]) == 0

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"emotion-trainer: spaces around labels are left out: 2 of {name}, first in ")
    assert re.search(r"(line|row) \d$", line)


def test_spaces_behind_the_separators_of_a_file_are_its_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d.csv").write_text('text, label\na, joy\nb, "joy, anger"\n', encoding="utf-8")

    assert run(["data-report", "--data", str(tmp_path / "d.csv"), "--label-separator", ","]) == 0

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("label", ["NaN", "N/A", "null"])
def test_a_label_that_looks_like_a_missing_one_is_pointed_out(
    label: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d.csv").write_text(f"text,label\na,joy\nb,{label}\nc,none\n", encoding="utf-8")

    assert run(["data-report", "--data", str(tmp_path / "d.csv")]) == 0

    (line,) = capsys.readouterr().err.splitlines()
    assert f"labels that look like missing ones, with their texts: {label!r} 1. " in line


def test_a_score_of_0_is_no_label_of_a_text() -> None:
    split = Split("d.jsonl", [Row("d.jsonl, line 1", "a", "joy", {"joy": 0.4, "anger": 0.0})])

    assert label_counts([split]) == {"joy": 1}


def test_texts_of_a_label_are_counted_by_name_and_id() -> None:
    splits = [Split("d.txt", [Row("d.txt", "a", label) for label in labels]) for labels in (["joy", "joy"], ["1", "2"])]

    assert texts_by_label(splits, ["anger", "joy", "love"]) == {"anger": 0, "joy": 3, "love": 1}


def test_labels_that_are_mostly_rare_are_refused_with_examples() -> None:
    check_not_rare("d.csv", {"joy": 5, "anger": 4})
    with pytest.raises(UserError) as caught:
        check_not_rare("d.csv", {"joy": 50, "8,20": 1, "3": 4})

    assert str(caught.value).startswith(
        "d.csv: 2 of its 3 labels have fewer than 5 training texts: '8,20' (1), '3' (4); name the column"
    )


@pytest.mark.parametrize("consent", [["--yes"], ["--labels", *(f"t{number}" for number in range(12))]])
def test_a_training_of_rare_labels_starts_when_it_is_meant(
    consent: list[str], cased_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [text for text, _ in make_rows(WORDS, 12, 1)]
    data = write_text_file(tmp_path / "d.txt", [(text, f"t{number}") for number, text in enumerate(texts)])
    files = ["--train-file", str(data), "--validation-file", str(data), "--model", str(cased_base)]
    options = ["train", "--output", str(tmp_path / "out"), "--use_cpu", "--report_to", "none", "--max_steps", "1"]

    assert run([*options, *files]) == 2
    assert "12 of its 12 labels have fewer than 5 training texts" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run([*options, *files, *consent]) == 0


def test_as_many_labels_as_texts_are_refused_without_much_memory(tmp_path: Path) -> None:
    data = write_text_file(tmp_path / "d.txt", [(f"text {number}", f"t{number}") for number in range(5_000)])
    files = ["--train-file", str(data), "--validation-file", str(data), "--class-weights", "balanced"]
    options, arguments = parse(["--output", str(tmp_path / "out"), "--use_cpu", *files])

    tracemalloc.start()
    with pytest.raises(UserError, match="5000 of its 5000 labels have fewer than 5 training texts"):
        load_training_data(options, arguments)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < 50e6  # a table of texts and labels takes 200 MB
