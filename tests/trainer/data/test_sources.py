"""Further training data from a JSON file."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from schemas.manifest import ModelManifest
from tests.trainer.conftest import Train, write_json_lines
from trainer.data.rows import Columns
from trainer.data.sources import load_sources
from trainer.data.splits import load_split
from trainer.errors import UserError

GOEMOTIONS = Path(__file__).parents[4] / "shared" / "data" / "goemotions"


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

    assert [(row.text, row.label, row.by_label) for row in split.rows] == [("a", "joy", {"joy": 1.0})]


def test_a_cell_of_several_labels_gives_each_an_equal_share(tmp_path: Path) -> None:
    (tmp_path / "d.tsv").write_text("text\tlabels\na\tjoy, anger\nb\tfear\nc\tjoy,joy\n", encoding="utf-8")
    source = {"data": str(tmp_path / "d.tsv"), "label_column": "labels", "label_separator": ","}

    (split,) = load_sources(write_sources(tmp_path, source), seed=1)

    assert [row.scores for row in split.rows] == [{"joy": 0.5, "anger": 0.5}, None, None]
    assert [row.label for row in split.rows] == ["joy", "fear", "joy"]


@pytest.mark.parametrize("name", ["d.jsonl", "d.parquet"])
def test_a_list_of_labels_gives_each_an_equal_share(name: str, tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [{"text": "a", "labels": ["joy", "anger"]}, {"text": "b", "labels": ["fear"]}]
    if name == "d.jsonl":
        write_json_lines(tmp_path / name, records)
    else:
        datasets.Dataset.from_list(records).to_parquet(tmp_path / name)

    (split,) = load_sources(write_sources(tmp_path, {"data": str(tmp_path / name), "label_column": "labels"}), seed=1)

    assert [(row.label, row.scores) for row in split.rows] == [("joy", {"joy": 0.5, "anger": 0.5}), ("fear", None)]


def test_numbers_in_a_list_mean_the_sources_own_names(tmp_path: Path) -> None:
    names = datasets.ClassLabel(names=["admiration", "anger", "joy"])
    features = datasets.Features({"text": datasets.Value("string"), "labels": datasets.List(names)})
    rows = {"text": ["a", "b"], "labels": [[2, 1], [0]]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "d.parquet")
    source = {"data": str(tmp_path / "d.parquet"), "label_column": "labels", "label_map": {"admiration": "love"}}

    (split,) = load_sources(write_sources(tmp_path, source), seed=1)

    assert [(row.label, row.scores) for row in split.rows] == [("joy", {"joy": 0.5, "anger": 0.5}), ("love", None)]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("joy,", "line 1: the label is ''; give a label's name or id"),
        ([], "line 1: no label; each text has one or more here"),
        (["joy", None], "line 1: the label is missing; give a label's name or id"),
        ([["joy"]], "line 1: the label is ['joy']; give a label's name or id"),
    ],
)
def test_a_label_that_is_none_among_several_is_refused(labels: Any, message: str, tmp_path: Path) -> None:
    write_json_lines(tmp_path / "d.jsonl", [{"text": "a", "label": labels}])
    file = write_sources(tmp_path, {"data": str(tmp_path / "d.jsonl"), "label_separator": ","})

    with pytest.raises(UserError) as caught:
        load_sources(file, seed=1)
    assert message in str(caught.value)


def test_a_list_of_labels_is_refused_where_each_text_has_one(tmp_path: Path) -> None:
    write_json_lines(tmp_path / "d.jsonl", [{"text": "a", "label": ["joy", "anger"]}])

    with pytest.raises(UserError, match=r"line 1: the label is \['joy', 'anger'\]; each text has one here"):
        load_split(str(tmp_path / "d.jsonl"), "validation", Columns("text", "label"))


def test_a_label_may_be_mapped_to_shares(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text('text,label\na,mixed\nb,"mixed,none"\nc,"mixed,joy"\nd,none\n', encoding="utf-8")
    label_map = {"mixed": {"joy": 3, "fear": 1, "love": 0}, "none": None}
    source = {"data": str(tmp_path / "d.csv"), "label_separator": ",", "label_map": label_map}

    (split,) = load_sources(write_sources(tmp_path, source), seed=1)

    mixed = {"joy": 0.75, "fear": 0.25, "love": 0.0}
    assert [row.text for row in split.rows] == ["a", "b", "c"]
    assert [row.scores for row in split.rows] == [mixed, mixed, {"joy": 0.875, "fear": 0.125, "love": 0.0}]


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({}, "d.csv: its label_map, 'gut': no score above 0; give each label its share"),
        ({"joy": -1}, "d.csv: its label_map, 'gut': the score of 'joy' is -1; give a number of 0 or more"),
        ({"joy": "1"}, "d.csv: its label_map, 'gut': the score of 'joy' is '1'; give a number of 0 or more"),
    ],
)
def test_shares_that_are_no_distribution_are_refused(shares: Any, message: str, tmp_path: Path) -> None:
    source = {"data": write_csv(tmp_path / "d.csv"), "text_column": "Satz", "label_column": "Art"}

    with pytest.raises(UserError) as caught:
        load_sources(write_sources(tmp_path, source | {"label_map": {"gut": shares}}), seed=1)
    assert message in str(caught.value)


@pytest.mark.skipif(not GOEMOTIONS.is_dir(), reason="no ../shared/data/goemotions here")
@pytest.mark.parametrize(("split", "rows"), [("train", 43_410), ("validation", 5_426)])
def test_goemotions_as_published_is_read_whole(split: str, rows: int, tmp_path: Path) -> None:
    source = {"data": str(GOEMOTIONS), "split": split, "label_column": "labels", "label_separator": ","}

    (loaded,) = load_sources(write_sources(tmp_path, source), seed=1)

    assert len(loaded.rows) == rows
    assert len({name for row in loaded.rows for name in row.scores or (row.label,)}) == 28


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


def test_an_unknown_label_among_the_shares_of_the_map_is_refused(
    train: Train, cased_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = {"data": write_csv(tmp_path / "d.csv", 1), "text_column": "Satz", "label_column": "Art"}
    file = write_sources(tmp_path, source | {"label_map": {"gut": {"joy": 1, "envy": 1}}})

    with pytest.raises(AssertionError):
        train("--model", str(cased_base), "--data", str(data), "--datasets", file)

    assert "d.csv, line 2: unknown label 'envy'; use one of sadness, joy" in capsys.readouterr().err


def test_a_label_of_the_map_that_occurs_nowhere_is_named(tmp_path: Path) -> None:
    source = {"data": write_csv(tmp_path / "d.csv"), "text_column": "Satz", "label_column": "Art"}

    with pytest.raises(UserError, match=r"label_map names 'gutt', which occurs nowhere there; name some of egal, gut,"):
        load_sources(write_sources(tmp_path, source | {"label_map": {"gutt": "joy", "egal": None}}), seed=1)


def test_two_forms_of_several_labels_in_an_entry_are_refused(tmp_path: Path) -> None:
    entry = {"data": "d.csv", "label_separator": ",", "label_columns": ["joy", "love"]}

    with pytest.raises(UserError, match=r"sources.json, entry 2: label_columns and label_separator: two forms of"):
        load_sources(write_sources(tmp_path, {"data": "d.csv"}, entry), seed=1)
