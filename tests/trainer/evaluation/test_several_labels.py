"""A model whose labels each stand for themselves, through the commands that measure and use it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score
from transformers import pipeline

from schemas.manifest import ModelManifest
from tests.trainer.conftest import FILLERS, LEARNING, WORDS, Train, make_rows, write_json_lines, write_text_file
from trainer.__main__ import run
from trainer.report.label_plots import PICTURES

NAMES = list(WORDS)
Records = list[dict[str, Any]]


def records(count: int, seed: int) -> Records:
    """Texts that hold a word of each of their labels: none, one or two."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        own = sorted(rng.choice(NAMES, size=rng.integers(3), replace=False))
        words = [*rng.choice(FILLERS, size=3), *(str(rng.choice(WORDS[name])) for name in own)]
        rows.append({"text": " ".join(words), "label": own})
    return rows


@pytest.fixture(scope="module")
def several_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    write_json_lines(folder / "train.jsonl", records(160, seed=1))
    write_json_lines(folder / "validation.jsonl", records(120, seed=2))
    return folder


@pytest.fixture(scope="module")
def several(train: Train, cased_base: Path, several_data: Path) -> Path:
    """An artifact of texts with lists of labels; no test may change it."""
    return train("--model", str(cased_base), "--data", str(several_data), *LEARNING)


@pytest.fixture(scope="module")
def manifest(several: Path) -> ModelManifest:
    found = ModelManifest.read(several)
    assert found is not None
    return found


def scores_of(artifact: Path, texts: list[str]) -> np.ndarray:
    """As the pipeline gives them, of shape [texts, labels]."""
    classifier: Any = pipeline("text-classification", str(artifact), dtype="float32", device="cpu", top_k=None)
    by_label = [{entry["label"]: entry["score"] for entry in result} for result in classifier(texts)]
    return np.array([[scores[name] for name in NAMES] for scores in by_label])


def flags_of(rows: Records) -> np.ndarray:
    return np.array([[name in row["label"] for name in NAMES] for row in rows])


def test_figures_are_those_of_the_pipelines_scores_at_the_thresholds(
    several: Path, several_data: Path, manifest: ModelManifest, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = records(120, seed=2)

    assert run(["evaluate", str(several), "--data", str(several_data), "--json"]) == 0

    measured = json.loads(capsys.readouterr().out)
    assert manifest.thresholds is not None
    given = scores_of(several, [row["text"] for row in rows]) >= [manifest.thresholds[name] for name in NAMES]
    expected = f1_score(flags_of(rows), given, average=None, zero_division=0)
    assert [measured["labels"][name]["f1"] for name in NAMES] == pytest.approx(expected)
    assert measured["macro_f1"] == pytest.approx(manifest.metrics["validation"].macro_f1)
    assert measured["macro_f1"] > 0.7, "it learned something"
    assert measured["thresholds"] == manifest.thresholds


def test_the_three_forms_of_several_labels_are_measured_alike(
    several: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = records(30, seed=3)
    lists = write_json_lines(tmp_path / "lists.jsonl", rows)
    cells, columns = tmp_path / "cells.tsv", tmp_path / "columns.csv"
    lines = [f"{row['text']}\t{'|'.join(row['label'])}\n" for row in rows]
    cells.write_text("text\tlabel\n" + "".join(lines), encoding="utf-8")
    lines = [",".join([row["text"], *(str(int(name in row["label"])) for name in NAMES)]) + "\n" for row in rows]
    columns.write_text(",".join(["text", *NAMES]) + "\n" + "".join(lines), encoding="utf-8")

    outputs = []
    for file, options in ((lists, []), (cells, ["--label-separator", "|"]), (columns, ["--label-columns", *NAMES])):
        assert run(["evaluate", str(several), "--data", str(file), *options, "--json"]) == 0
        outputs.append(json.loads(capsys.readouterr().out))

    assert outputs[0] == outputs[1] == outputs[2]


def test_a_folder_without_a_manifest_gives_each_label_from_one_half_on(
    several: Path, several_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = shutil.copytree(several, tmp_path / "foreign")
    (foreign / "manifest.json").unlink()

    assert run(["evaluate", str(foreign), "--data", str(several_data), "--json"]) == 0

    assert set(json.loads(capsys.readouterr().out)["thresholds"].values()) == {0.5}


@pytest.mark.parametrize("case", ["one label a text", "several labels a text", "domains"])
def test_a_model_of_the_other_kind_is_refused_in_one_line(
    case: str, several: Path, artifact: Path, several_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_text_file(tmp_path / "one.txt", make_rows(WORDS, 6, seed=3))
    domains = tmp_path / "domains.json"
    domains.write_text(json.dumps([{"name": "d", "data": str(one)}]), encoding="utf-8")
    arguments, message = {
        "one label a text": ([several, "--data", one], "--label-separator"),
        "several labels a text": ([artifact, "--data", several_data], "gives each one"),
        "domains": ([several, "--data", several_data, "--datasets", domains], "--datasets"),
    }[case]

    assert run(["evaluate", *map(str, arguments)]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("emotion-trainer: error: ")
    assert message in error


def test_the_suites_tell_sets_of_labels_apart(several: Path, several_data: Path, capsys: Any) -> None:
    options = ["--data", str(several_data), "--robustness", "--out-of-domain"]

    assert run(["evaluate", str(several), *options, "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)

    upper = next(change for change in measured["robustness"]["invariance"] if change["name"] == "upper case")
    assert upper["flipped"] == 0, "its tokenizer lower-cases"
    assert measured["robustness"]["feelings"], "it has the labels that the sentences are written for"
    assert set(measured["out_of_domain"]["separation"]) == {"max_score", "energy"}
    assert run(["evaluate", str(several), *options]) == 0
    assert "all labels right" in capsys.readouterr().out


def test_soft_labels_are_each_labels_own_score(several: Path, artifact: Path, tmp_path: Path, capsys: Any) -> None:
    rows = records(20, seed=4)
    texts = write_json_lines(tmp_path / "texts.jsonl", rows)
    soft = tmp_path / "soft.jsonl"

    assert run(["soft-label", str(several), str(several), "--data", str(texts), "--output", str(soft)]) == 0

    written = [json.loads(line)["scores"] for line in soft.read_text(encoding="utf-8").splitlines()]
    expected = scores_of(several, [row["text"] for row in rows])
    assert np.array([[row[name] for name in NAMES] for row in written]) == pytest.approx(expected, abs=1e-5)
    assert run(["soft-label", str(several), str(artifact), "--data", str(texts), "--output", f"{soft}.2"]) == 2
    assert "average models of one kind" in capsys.readouterr().err.splitlines()[-1]


def test_the_manifest_says_how_scores_and_thresholds_were_fitted(several: Path, manifest: ModelManifest) -> None:
    assert manifest.problem_type == "multi_label_classification"
    assert manifest.confident_score is None
    assert manifest.calibration is None
    assert manifest.label_fits is not None
    assert list(manifest.label_fits.labels) == NAMES
    assert all(0 < threshold < 1 for threshold in (manifest.thresholds or {}).values())
    assert manifest.reference is not None
    best = scores_of(several, [row["text"] for row in records(120, seed=2)]).argmax(axis=1)
    assert list(manifest.reference.labels.values()) == pytest.approx(np.bincount(best, minlength=6) / 120)


def test_an_export_keeps_kind_and_thresholds(several: Path, manifest: ModelManifest, tmp_path: Path) -> None:
    assert run(["export", str(several), "--dtype", "float16", "--output", str(tmp_path / "half")]) == 0

    exported = ModelManifest.read(tmp_path / "half")
    assert exported is not None
    assert (exported.problem_type, exported.thresholds) == (manifest.problem_type, manifest.thresholds)
    assert exported.label_fits == manifest.label_fits


def test_the_card_speaks_of_no_single_label(several: Path, manifest: ModelManifest) -> None:
    card = (several / "README.md").read_text(encoding="utf-8")

    assert {picture.stem for picture in (several / "report").glob("*.png")} == set(PICTURES)
    assert all(f"(report/{name}.png)" in card for name in PICTURES)
    for wrong in ("one of its labels", "softmax", "emperature", "| None", "| nan"):
        assert wrong not in card
    for name in NAMES:
        assert f"| {name} | {(manifest.thresholds or {})[name]:.4f}" in card
    assert "binary cross-entropy" in card.split("---")[1]
    assert f"value: {round(manifest.metrics['validation'].macro_f1, 4)}" in card


def test_a_validation_split_of_few_texts_leaves_one_half_as_threshold(
    train: Train, cased_base: Path, tmp_path: Path
) -> None:
    for split in ("train", "validation"):
        write_json_lines(tmp_path / f"{split}.jsonl", records(12, seed=1))

    options = ("--model", str(cased_base), "--data", str(tmp_path), "--max_steps", "1", "--yes")
    made = ModelManifest.read(train(*options))

    assert made is not None
    assert (made.problem_type, made.thresholds, made.label_fits) == ("multi_label_classification", None, None)
    assert made.metrics["validation"].labels["joy"].ece is not None
