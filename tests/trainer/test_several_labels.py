"""Trainings of texts with several labels each, from every form of file to an artifact."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoConfig, pipeline

from schemas.manifest import ModelManifest
from tests.trainer.conftest import FILLERS, WORDS, Train, write_json_lines, write_text_file
from trainer.__main__ import run
from trainer.training.arguments import parse
from trainer.training.training_data import load_training_data

NAMES = list(WORDS)
LEARNING = ("--learning_rate", "5e-3", "--num_train_epochs", "15", "--per_device_eval_batch_size", "64")
PLAIN = (*LEARNING, "--eval_strategy", "no", "--save_strategy", "no")
Rows = list[tuple[str, list[str]]]


def rows_of(count: int, seed: int) -> Rows:
    """Texts with a word of each of their labels: of none, one or two."""
    rng = np.random.default_rng(seed)
    own = [sorted(rng.choice(NAMES, size=n % 3, replace=False).tolist()) for n in range(count)]
    return [
        (" ".join([*rng.choice(FILLERS, size=3), *(rng.choice(WORDS[name]) for name in each)]), each) for each in own
    ]


def write_form(form: str, folder: Path, split: str, rows: Rows) -> list[str]:
    """Writes a split, and returns the options that name its form."""
    file = folder / split
    if form == "cells":
        lines = ["text\tlabels\tid", *(f"{text}\t{','.join(own)}\tx{n}" for n, (text, own) in enumerate(rows))]
        file.with_suffix(".tsv").write_text("\n".join(lines), encoding="utf-8")
        return ["--label-column", "labels", "--label-separator", ","]
    if form == "lists":
        write_json_lines(file.with_suffix(".jsonl"), [{"text": text, "label": own} for text, own in rows])
        return []
    header = "\t".join(["ID", "Tweet", *NAMES])
    flags = (
        "\t".join([f"2018-{n}", text, *(str(int(name in own)) for name in NAMES)]) for n, (text, own) in enumerate(rows)
    )
    file.with_suffix(".csv").write_text("\n".join([header, *flags]), encoding="utf-8")
    return ["--text-column", "Tweet", "--label-columns", *NAMES]


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with lists of labels."""
    folder = tmp_path_factory.mktemp("lists")
    write_form("lists", folder, "train", rows_of(120, seed=1))
    write_form("lists", folder, "validation", rows_of(60, seed=2))
    return folder


@pytest.fixture(scope="module")
def several(train: Train, cased_base: Path, lists: Path) -> Path:
    """An artifact of lists of labels; no test may change it."""
    return train("--model", str(cased_base), "--data", str(lists), *PLAIN)


def share_right(artifact: Path, rows: Rows) -> float:
    """The share of texts whose labels at or above their thresholds are all right, by the scores of the pipeline."""
    manifest = ModelManifest.read(artifact)
    assert manifest is not None
    thresholds = manifest.thresholds or {}
    classifier: Any = pipeline("text-classification", str(artifact), dtype="float32", device="cpu", top_k=None)
    given = [
        {each["label"] for each in scores if each["score"] >= thresholds[each["label"]]}
        for scores in classifier([text for text, _ in rows])
    ]
    return float(np.mean([labels == set(own) for labels, (_, own) in zip(given, rows, strict=True)]))


def test_lists_make_an_artifact_that_gives_its_own_texts_their_labels(several: Path) -> None:
    assert AutoConfig.from_pretrained(several).problem_type == "multi_label_classification"
    assert share_right(several, rows_of(120, seed=1)) > 0.9


@pytest.mark.parametrize("form", ["cells", "columns"])
def test_cells_and_columns_are_trained_on_as_lists_are(form: str, lists: Path, tmp_path: Path) -> None:
    write_form(form, tmp_path, "train", rows_of(120, seed=1))
    options = write_form(form, tmp_path, "validation", rows_of(60, seed=2))

    ours, theirs = (
        load_training_data(*parse(["--output", str(tmp_path / "artifact"), "--use_cpu", "--data", str(data), *given]))
        for data, given in ((tmp_path, options), (lists, []))
    )

    assert ours.train.several
    assert ours.train.texts == theirs.train.texts
    assert (ours.labels, ours.targets, ours.validation_targets) == (
        theirs.labels,
        theirs.targets,
        theirs.validation_targets,
    )


def test_one_column_makes_a_model_of_one_output(train: Train, cased_base: Path, tmp_path: Path) -> None:
    for split, seed in (("train", 1), ("validation", 2)):
        write_form("columns", tmp_path, split, rows_of(60, seed=seed))
    options = ["--text-column", "Tweet", "--label-columns", "joy", *PLAIN, "--num_train_epochs", "10"]

    artifact = train("--model", str(cased_base), "--data", str(tmp_path), *options)

    config = AutoConfig.from_pretrained(artifact)
    assert (config.problem_type, config.id2label) == ("multi_label_classification", {0: "joy"})
    classifier: Any = pipeline("text-classification", str(artifact), dtype="float32", device="cpu")
    assert classifier("so happy")[0]["score"] > 0.8
    assert classifier("so furious")[0]["score"] < 0.2


def test_all_that_changes_a_training_goes_with_several_labels(
    train: Train, cased_base: Path, lists: Path, recwarn: pytest.WarningsRecorder
) -> None:
    options = ["--data", str(lists), "--label_smoothing_factor", "0.1", "--augment", "0.2", "--misspellings", "50"]
    options += ["--load_best_model_at_end", "--metric_for_best_model", "macro_f1", "--early_stopping_patience", "10"]

    artifact = train("--model", str(cased_base), *options, *LEARNING, "--num_train_epochs", "20")

    assert not [each for each in recwarn if "smoothing" in str(each.message)]
    state = json.loads((artifact.with_name("artifact-checkpoints") / "trainer_state.json").read_text(encoding="utf-8"))
    assert state["best_metric"] == max(entry.get("eval_macro_f1", 0) for entry in state["log_history"])
    assert state["best_metric"] > 0.8
    manifest = ModelManifest.read(artifact)
    assert manifest is not None
    assert manifest.recipe["misspellings"] == 50


def test_a_resumed_training_ends_with_the_same_weights(train: Train, base_with_dropout: Path, lists: Path) -> None:
    options = ["--model", str(base_with_dropout), "--data", str(lists), "--max_steps", "6", "--save_steps", "3"]
    options += ["--save_strategy", "steps", "--eval_strategy", "no", "--per_device_eval_batch_size", "64"]
    options += ["--use_cpu", "--report_to", "none"]
    whole = train(*options)
    (whole / "model.safetensors").rename(kept := whole.parent / "whole.safetensors")
    first = whole.with_name("artifact-checkpoints") / "checkpoint-3"

    assert run(["train", "--output", str(whole), "--overwrite", *options, "--resume_from_checkpoint", str(first)]) == 0

    assert (whole / "model.safetensors").read_bytes() == kept.read_bytes()


def test_a_student_learns_what_a_model_of_several_labels_says(
    train: Train, several: Path, cased_base: Path, lists: Path, tmp_path: Path
) -> None:
    soft = tmp_path / "soft.jsonl"
    assert run(["soft-label", str(several), "--data", str(lists), "--output", str(soft)]) == 0
    few = tmp_path / "few.jsonl"
    write_json_lines(few, [{"text": f"hello {name}", "label": [name]} for name in NAMES])
    further = tmp_path / "further.json"
    further.write_text(json.dumps([{"data": str(soft)}]), encoding="utf-8")

    student = train(
        *("--model", str(cased_base), "--train-file", str(few), "--validation-file", str(lists / "validation.jsonl")),
        *("--datasets", str(further), *PLAIN),
    )

    manifest = ModelManifest.read(student)
    assert manifest is not None
    assert manifest.metrics["validation"].macro_f1 > 0.8


def test_further_domains_are_refused(
    cased_base: Path, lists: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_text_file(tmp_path / "one.txt", [("so happy", "joy"), ("so furious", "anger")])
    domains = tmp_path / "domains.json"
    domains.write_text(json.dumps([{"name": "one", "data": str(one)}]), encoding="utf-8")
    options = ["--model", str(cased_base), "--data", str(lists), "--validation_datasets", str(domains), "--use_cpu"]

    assert run(["train", "--output", str(tmp_path / "artifact"), *options]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert f"--validation_datasets {domains}: further domains are of texts with one label each" in error
    assert not (tmp_path / "artifact-checkpoints").exists()


def test_cells_of_several_labels_are_refused_before_a_training_makes_classes_of_them(
    cased_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "validation"):
        write_form("cells", tmp_path, split, rows_of(60, seed=1))
    data = tmp_path / "train.tsv"
    data.write_text(data.read_text(encoding="utf-8").replace("\t\t", "\tjoy\t"), encoding="utf-8")
    options = ["--model", str(cased_base), "--data", str(tmp_path), "--label-column", "labels", "--use_cpu"]

    assert run(["train", "--output", str(tmp_path / "artifact"), *options]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("emotion-trainer: error: train.tsv: ")
    assert "classes are several labels in a cell, such as " in error
    assert "give --label-separator ','" in error
