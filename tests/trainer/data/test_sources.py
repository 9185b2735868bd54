"""Further training data from a JSON file."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from schemas.manifest import ModelManifest
from tests.trainer.conftest import Train
from trainer.data.sources import load_sources
from trainer.errors import UserError


def write_sources(folder: Path, *sources: dict[str, Any]) -> str:
    file = folder / "sources.json"
    file.write_text(json.dumps(sources), encoding="utf-8")
    return str(file)


def write_csv(path: Path, count: int = 8) -> str:
    kinds = ("gut", "schlecht", "egal")
    path.write_text("Satz,Art\n" + "".join(f"so {n},{kinds[n % 3]}\n" for n in range(count)), encoding="utf-8")
    return str(path)


def test_columns_and_labels_are_mapped_and_null_leaves_rows_out(tmp_path: Path) -> None:
    source = {"data": write_csv(tmp_path / "d.csv"), "text_column": "Satz", "label_column": "Art", "augment": False}

    (split,) = load_sources(write_sources(tmp_path, source | {"label_map": {"gut": "joy", "egal": None}}), seed=1)

    assert {row.label for row in split.rows} == {"joy", "schlecht"}
    assert len(split.rows) == 6
    assert not any(row.augment for row in split.rows)


def test_numbers_of_a_source_mean_its_own_names(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["anger", "joy"])}
    )
    rows = {"text": ["a", "b"], "label": [1, 0]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "d.parquet")

    (split,) = load_sources(write_sources(tmp_path, {"data": str(tmp_path / "d.parquet")}), seed=1)

    assert [row.label for row in split.rows] == ["joy", "anger"]


def test_scores_are_mapped_as_labels_are(tmp_path: Path) -> None:
    lines = [{"text": "a", "scores": {"happy": 0.3, "glad": 0.3, "none": 0.4}}, {"text": "b", "scores": {"none": 1}}]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    label_map = {"happy": "joy", "glad": "joy", "none": None}

    (split,) = load_sources(write_sources(tmp_path, {"data": str(tmp_path / "d.jsonl"), "label_map": label_map}), 1)

    assert [(row.text, row.label, row.scores) for row in split.rows] == [("a", "joy", {"joy": 1.0})]


def test_a_share_that_takes_no_row_is_refused(tmp_path: Path) -> None:
    source = {"data": write_csv(tmp_path / "d.csv"), "text_column": "Satz", "label_column": "Art", "repeat": 0.0001}

    with pytest.raises(UserError, match=r"d\.csv: repeat 0\.0001 of 8 rows is none; give more"):
        load_sources(write_sources(tmp_path, source), seed=1)


@pytest.mark.parametrize(("repeat", "rows"), [(0.25, 2), (1, 8), (2, 16), (2.5, 20)])
def test_rows_are_repeated_or_drawn(repeat: float, rows: int, tmp_path: Path) -> None:
    source = {"data": write_csv(tmp_path / "d.csv"), "text_column": "Satz", "label_column": "Art", "repeat": repeat}
    file = write_sources(tmp_path, source)

    (split,), (again,), (other,) = (load_sources(file, seed) for seed in (1, 1, 3))

    assert len(split.rows) == rows
    counts = [sum(row.text == f"so {n}" for row in split.rows) for n in range(8)]
    assert max(counts) - min(counts) <= (repeat % 1 > 0)
    assert split.rows == again.rows
    assert (split.rows == other.rows) == (repeat % 1 == 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"data": "d.csv"}, {"label_map": {}}]', "entry 2, data: Field required"),
        ('[{"data": "d.csv", "repeat": 0}]', "entry 1, repeat: Input should be greater than 0"),
        ('[{"data": "d.csv", "repeet": 2}]', "entry 1, repeet: Extra inputs are not permitted"),
        ('[{"data": "d.csv"', "Invalid JSON"),
        ('{"data": "d.csv"}', "Input should be a valid array"),
        ('[{"data": "nowhere.csv"}]', "nowhere.csv: no such file"),
    ],
)
def test_a_bad_file_is_refused_by_entry_and_field(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "sources.json").write_text(content, encoding="utf-8")

    with pytest.raises(UserError) as caught:
        load_sources(str(tmp_path / "sources.json"), seed=1)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_map_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    source = {"data": write_csv(tmp_path / "d.csv", 1), "text_column": "Satz", "label_column": "Art"}

    with pytest.raises(UserError, match=r"d\.csv: its label_map leaves out every row"):
        load_sources(write_sources(tmp_path, source | {"label_map": {"gut": None}}), seed=1)


def test_a_training_takes_them_all(train: Train, cased_base: Path, data: Path, tmp_path: Path) -> None:
    source = {"data": write_csv(tmp_path / "d.csv"), "text_column": "Satz", "label_column": "Art", "repeat": 2}
    label_map = {"gut": "joy", "schlecht": "anger", "egal": None}

    artifact = train(
        *("--model", str(cased_base), "--data", str(data), "--max_steps", "1", "--augment", "0.5"),
        *("--datasets", write_sources(tmp_path, source | {"label_map": label_map})),
    )

    manifest = ModelManifest.read(artifact)
    assert manifest is not None
    assert manifest.data.train == "train.txt + d.csv × 2"
    assert manifest.data.train_rows == 96 + 12
    assert manifest.data.validation_rows == 48


def test_an_unknown_label_is_refused_by_its_row(
    train: Train, cased_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = {"data": write_csv(tmp_path / "d.csv"), "text_column": "Satz", "label_column": "Art"}

    with pytest.raises(AssertionError):
        train("--model", str(cased_base), "--data", str(data), "--datasets", write_sources(tmp_path, source))

    assert "d.csv, line 2: unknown label 'gut'; use one of sadness, joy" in capsys.readouterr().err


def test_a_label_of_the_map_that_occurs_nowhere_is_named(tmp_path: Path) -> None:
    source = {"data": write_csv(tmp_path / "d.csv"), "text_column": "Satz", "label_column": "Art"}

    with pytest.raises(UserError, match=r"label_map names 'gutt', which occurs nowhere there; name some of egal, gut,"):
        load_sources(write_sources(tmp_path, source | {"label_map": {"gutt": "joy", "egal": None}}), seed=1)
