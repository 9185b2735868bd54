"""What looks wrong with labels."""

from pathlib import Path

import pytest

from tests.trainer.conftest import WORDS, make_rows, write_text_file
from trainer.__main__ import run
from trainer.data.label_checks import check_not_rare, spellings
from trainer.errors import UserError


def test_spellings_differ_in_case_and_spaces_alone() -> None:
    counts = {"joy": 9, "Joy": 2, "very  sad": 1, "very sad": 4, "anger": 3, "straße": 1, "STRASSE": 2}

    assert spellings(counts) == [{"joy": 9, "Joy": 2}, {"very sad": 4, "very  sad": 1}, {"STRASSE": 2, "straße": 1}]


def test_a_data_report_points_out_labels_in_two_spellings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d.csv").write_text("text,label\na,joy\nb,joy\nc,Joy\nd,anger\n", encoding="utf-8")

    assert run(["data-report", "--data", str(tmp_path / "d.csv")]) == 0

    (line,) = capsys.readouterr().err.splitlines()
    assert "labels in several spellings, with their texts: 'joy' 2, 'Joy' 1. " in line
    assert '"label_map": {"Joy": "joy"}' in line


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

    assert run([*options, *files]) != 0
    assert "12 of its 12 labels have fewer than 5 training texts" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run([*options, *files, *consent]) == 0
