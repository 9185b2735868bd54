"""The data told honestly."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import write_text_file
from trainer.__main__ import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    coin = [(f"so sweet {n}", "joy" if n % 2 else "love") for n in range(30)]
    train = [*coin, *[("twice", "joy")] * 3, ("both", "joy"), ("both", "anger"), ("see http link", "fear")]
    validation = [("twice", "joy"), ("see http link", "anger"), ("only here", "joy")]
    write_text_file(tmp_path / "train.txt", train)
    write_text_file(tmp_path / "validation.txt", validation)
    return tmp_path


def report(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["data-report", "--data", str(folder), "--json"]) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_what_is_wrong_within_a_split_is_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = report(folder, capsys)["splits"]["train"]

    assert train["rows"] == 36
    assert train["labels"] == {"joy": 19, "love": 15, "anger": 1, "fear": 1}
    assert train["words"] == {"mean": round((30 * 3 + 5 + 3) / 36, 1), "median": 3, "max": 3}
    assert train["duplicates"] == {"count": 2, "examples": ["twice"]}
    assert train["contradictions"] == {"count": 1, "examples": ["anger / joy: both"]}
    assert train["debris"] == {"count": 1, "examples": ["see http link"]}


def test_leaks_and_contradictions_between_splits_are_told_apart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    between = report(folder, capsys)["between"]["train and validation"]

    assert between["leaks"] == {"count": 1, "examples": ["twice"]}
    assert between["contradictions"] == {"count": 1, "examples": ["anger / fear: see http link"]}


def test_a_coin_flip_between_two_labels_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cues = report(folder, capsys)["cue_words"]

    assert cues["words"] == {"so": {"love": 15, "joy": 15}, "sweet": {"love": 15, "joy": 15}}
    assert cues["rows_with_one"] == 30
    assert cues["share_of_rows"] == pytest.approx(30 / 39)


def test_a_word_of_one_label_or_of_many_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(f"sure and {n}", "joy") for n in range(30)] + [(f"and {n}", "fear") for n in range(20)]
    rows += [(f"and {n}", "anger") for n in range(20)]
    for split in ("train", "validation"):
        write_text_file(tmp_path / f"{split}.txt", rows)

    assert report(tmp_path, capsys)["cue_words"]["words"] == {}


def test_both_forms_are_written_to_a_folder(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data-report", "--data", str(folder / "train.txt"), "--output", str(tmp_path / "out")]) == 0

    written = json.loads((tmp_path / "out" / "data.json").read_text(encoding="utf-8"))
    markdown = (tmp_path / "out" / "data.md").read_text(encoding="utf-8")
    assert list(written["splits"]) == ["train"]
    assert "| joy | 19 | 52.8% |" in markdown
    assert "| sweet | love: 15, joy: 15 |" in markdown
    assert str(folder) not in markdown


def test_a_file_that_cannot_be_written_leaves_nothing_half_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (out / "data.json").mkdir(parents=True)

    assert run(["data-report", "--data", str(folder / "train.txt"), "--output", str(out)]) == 1

    assert f"--output {out}: cannot be written: Is a directory; " in capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir()) == ["data.json", "data.md"]


def test_a_text_with_scores_counts_for_the_highest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [{"text": "a", "scores": {"joy": 0.7, "fear": 0.3}}, {"text": "b", "scores": {"joy": 0.1, "fear": 0.9}}]
    for split in ("train", "validation"):
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    assert report(tmp_path, capsys)["splits"]["train"]["labels"] == {"joy": 1, "fear": 1}


def test_several_labels_of_a_text_count_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("a", "joy,love"), ("a", "love,joy"), ("b", "joy"), ("c", ""), ("d", "anger"), ("d", "anger,joy")]
    file = tmp_path / "d.tsv"
    file.write_text("text\tlabel\n" + "".join(f"{text}\t{labels}\n" for text, labels in rows), encoding="utf-8")
    options = ["data-report", "--data", str(file), "--label-separator", ","]

    assert run([*options, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["splits"]["d"]
    assert found["labels"] == {"joy": 4, "love": 2, "anger": 2, "(none)": 1}
    assert found["several_labels"] == 3
    assert found["duplicates"] == {"count": 1, "examples": ["a"]}
    assert found["contradictions"] == {"count": 1, "examples": ["anger / anger, joy: d"]}
    assert run(options) == 0
    markdown = capsys.readouterr().out
    assert "| joy | 4 | 66.7% |" in markdown
    assert "3 texts have several labels." in markdown


def test_cells_that_look_like_several_labels_are_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_text_file(tmp_path / "d.txt", [("a", "joy,love"), ("b", "joy"), ("c", "love")])

    assert run(["data-report", "--data", str(tmp_path / "d.txt")]) == 0

    output = capsys.readouterr()
    assert "d.txt: 1 of its 3 classes are several labels in a cell, such as 'joy,love'" in output.err
    assert "| joy,love | 1 | 33.3% |" in output.out
