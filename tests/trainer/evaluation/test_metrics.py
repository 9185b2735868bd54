"""The figures of a split."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import pipeline

from tests.trainer.conftest import WORDS, make_rows, write_text_file
from trainer.__main__ import run
from trainer.evaluation.metrics import as_table, split_metrics


def test_figures_agree_with_their_definitions() -> None:
    logits = np.array([[2.0, 1.0, 0.0], [0.5, 1.5, 0.0], [1.0, 0.0, 0.5], [0.0, 3.0, 1.0]])
    metrics = split_metrics(logits, np.array([0, 1, 1, 1]), ["a", "b", "c"])

    right = [(0, 0), (1, 1), (2, 1), (3, 1)]
    losses = [math.log(sum(math.exp(value) for value in logits[row])) - logits[row][label] for row, label in right]
    assert metrics.rows == 4
    assert metrics.loss == pytest.approx(sum(losses) / 4)
    assert metrics.accuracy == 3 / 4
    a, b, c = metrics.labels.values()
    assert (a.precision, a.recall, a.f1, a.support) == pytest.approx((1 / 2, 1, 2 / 3, 1))
    assert (b.precision, b.recall, b.f1, b.support) == pytest.approx((1, 2 / 3, 4 / 5, 3))
    assert (c.precision, c.recall, c.f1, c.support) == (0, 0, 0, 0)
    assert metrics.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)  # c neither occurs nor is predicted


def test_an_artifact_is_measured_as_the_pipeline_labels(
    artifact: Path, tmp_path: Path, evaluate: Callable[..., Any]
) -> None:
    rows = [(text, "joy" if n % 5 == 0 else label) for n, (text, label) in enumerate(make_rows(WORDS, 40, seed=3))]
    file = write_text_file(tmp_path / "test.txt", rows)
    classifier: Any = pipeline("text-classification", str(artifact), dtype=torch.float32, device="cpu", top_k=None)
    scores = [{entry["label"]: entry["score"] for entry in result} for result in classifier([text for text, _ in rows])]

    measured = evaluate(artifact, file)

    hits = [max(score, key=score.__getitem__) == label for score, (_, label) in zip(scores, rows, strict=True)]
    losses = [-math.log(score[label]) for score, (_, label) in zip(scores, rows, strict=True)]
    assert measured["accuracy"] == pytest.approx(sum(hits) / 40)
    assert measured["loss"] == pytest.approx(sum(losses) / 40, abs=1e-4)
    assert measured["labels"]["joy"]["support"] == sum(label == "joy" for _, label in rows)


def test_the_table_shows_every_figure() -> None:
    metrics = split_metrics(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 0]), ["calm", "very angry"])

    lines = as_table(metrics).splitlines()

    assert [line.split() for line in lines] == [
        ["rows", "2"],
        ["loss", "0.8133"],
        ["accuracy", "0.5000"],
        ["macro-F1", "0.3333"],
        ["ECE", "0.2311"],
        ["Brier", "0.6068"],
        [],
        ["label", "precision", "recall", "F1", "support"],
        ["calm", "1.0000", "0.5000", "0.6667", "2"],
        ["very", "angry", "0.0000", "0.0000", "0.0000", "0"],
    ]


def test_labels_may_be_ids_of_the_artifact(artifact: Path, tmp_path: Path, evaluate: Callable[..., Any]) -> None:
    rows = make_rows(WORDS, 12, seed=4)
    named = write_text_file(tmp_path / "named.txt", rows)
    numbered = tmp_path / "numbered.jsonl"
    numbered.write_text(
        "".join(json.dumps({"text": text, "label": list(WORDS).index(label)}) + "\n" for text, label in rows),
        encoding="utf-8",
    )

    assert evaluate(artifact, numbered) == evaluate(artifact, named)


@pytest.mark.parametrize("case", ["no-model", "no-head", "cut-short", "other-labels"])
def test_what_cannot_be_measured_is_refused_in_one_line(
    case: str, artifact: Path, cased_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label = "envy" if case == "other-labels" else "joy"
    file = write_text_file(tmp_path / "test.txt", [("so happy", label)])
    cut_short = shutil.copytree(artifact, tmp_path / "cut-short")
    weights = cut_short / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    folder = {"no-model": tmp_path, "no-head": cased_base, "cut-short": cut_short, "other-labels": artifact}[case]

    assert run(["evaluate", str(folder), "--data", str(file)]) == 2

    message = {
        "no-model": "holds no config.json",
        "no-head": "holds an encoder without a classification head",
        "cut-short": "not what its manifest.json describes: model.safetensors",
        "other-labels": "line 1: unknown label 'envy'",
    }[case]
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("emotion-trainer: error: ")
    assert message in error
