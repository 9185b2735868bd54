"""Distillation: the command that writes what a teacher says, and training on it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import pipeline

from schemas.manifest import ModelManifest
from tests.trainer.conftest import WORDS, Train, make_rows, write_json_lines, write_text_file
from trainer.__main__ import run


def losses(artifact: Path) -> list[float]:
    """The training loss of each step."""
    state = json.loads((artifact.with_name("artifact-checkpoints") / "trainer_state.json").read_text(encoding="utf-8"))
    return [entry["loss"] for entry in state["log_history"] if "loss" in entry]


def test_one_hot_scores_train_as_labels_do(train: Train, cased_base: Path, data: Path, tmp_path: Path) -> None:
    rows = [line.rpartition(";") for line in (data / "train.txt").read_text(encoding="utf-8").splitlines()]
    soft = write_json_lines(tmp_path / "soft.jsonl", [{"text": text, "scores": {label: 3}} for text, _, label in rows])
    options = ["--model", str(cased_base), "--validation-file", str(data / "validation.txt")]
    options += ["--max_steps", "5", "--learning_rate", "1e-2", "--gradient_accumulation_steps", "2"]

    hard_run = train(*options, "--train-file", str(data / "train.txt"))
    soft_run = train(*options, "--train-file", str(soft))

    assert losses(soft_run) == pytest.approx(losses(hard_run), abs=1e-4)


SoftLabel = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def soft_label(tmp_path: Path) -> SoftLabel:
    """Runs `emotion-trainer soft-label` and returns the lines that it wrote."""

    def run_soft_label(*arguments: object) -> list[dict[str, Any]]:
        output = tmp_path / "new" / "soft.jsonl"
        output.unlink(missing_ok=True)
        assert run(["soft-label", *map(str, arguments), "--output", str(output)]) == 0
        assert [path.name for path in output.parent.iterdir()] == ["soft.jsonl"]
        return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]

    return run_soft_label


def test_soft_labels_are_the_scores_of_the_pipeline_in_the_order_of_the_texts(
    artifact: Path, soft_label: SoftLabel, tmp_path: Path
) -> None:
    rows = make_rows(WORDS, 70, seed=4)
    classifier: Any = pipeline("text-classification", str(artifact), dtype="float32", device="cpu", top_k=None)
    expected = [
        {e["label"]: pytest.approx(e["score"], abs=1e-5) for e in of} for of in classifier([t for t, _ in rows])
    ]

    labelled = soft_label(artifact, "--data", write_text_file(tmp_path / "d.txt", rows))

    assert [line["text"] for line in labelled] == [text for text, _ in rows]
    assert [line["scores"] for line in labelled] == expected


def test_plain_lines_are_labelled_at_a_temperature_by_the_mean_of_models(
    artifact: Path, train: Train, cased_base: Path, data: Path, soft_label: SoftLabel, tmp_path: Path
) -> None:
    labels = list(reversed(WORDS))
    other = train("--model", str(cased_base), "--data", str(data), "--max_steps", "1", "--labels", *labels)
    (tmp_path / "plain.txt").write_text("so happy; really\n\nso LONELY\n", encoding="utf-8")
    options = ("--data", tmp_path / "plain.txt", "--format", "text", "--temperature", "4")

    one, two = soft_label(artifact, *options), soft_label(other, *options)
    both = soft_label(artifact, other, *options)
    sharp = soft_label(artifact, *options[:-1], "1")

    assert [line["text"] for line in both] == ["so happy; really", "so LONELY"]
    for line, first, second, third in zip(both, one, two, sharp, strict=True):
        mean = {label: (first["scores"][label] + second["scores"][label]) / 2 for label in labels}
        assert line["scores"] == pytest.approx(mean, abs=1e-6)
        assert max(first["scores"].values()) < max(third["scores"].values())


def test_a_student_trains_on_what_its_teacher_wrote(
    artifact: Path, train: Train, cased_base: Path, data: Path, soft_label: SoftLabel, tmp_path: Path
) -> None:
    lines = soft_label(artifact, "--data", data)
    file = write_json_lines(tmp_path / "soft.jsonl", lines)
    options = ("--model", str(cased_base), "--validation-file", str(data / "validation.txt"), "--max_steps", "1")

    student = train(*options, "--train-file", str(file))

    # An untrained student's loss is near that of a guess, and never below the entropy of what it learns.
    assert losses(student)[0] == pytest.approx(1.8, abs=0.4)


def test_a_student_of_another_tokenizer_learns_what_its_teacher_wrote(
    artifact: Path, train: Train, byte_level_base: Path, data: Path, soft_label: SoftLabel, tmp_path: Path
) -> None:
    rows = make_rows(WORDS, 200, seed=6)
    (tmp_path / "plain.txt").write_text("".join(f"{text}\n" for text, _ in rows), encoding="utf-8")
    lines = soft_label(artifact, "--data", tmp_path / "plain.txt", "--format", "text", "--temperature", "2")
    write_json_lines(tmp_path / "taught.jsonl", lines)
    (tmp_path / "datasets.json").write_text(json.dumps([{"data": str(tmp_path / "taught.jsonl")}]), encoding="utf-8")

    student = train(
        *("--model", str(byte_level_base), "--data", str(data), "--datasets", str(tmp_path / "datasets.json")),
        *("--learning_rate", "5e-3", "--num_train_epochs", "3", "--augment", "0.2"),
    )

    manifest = ModelManifest.read(student)
    assert manifest is not None
    assert manifest.data.train == "train.txt + taught.jsonl"
    assert manifest.data.train_rows == 96 + 200
    found = losses(student)
    assert sum(found[-10:]) < 0.9 * sum(found[:10])


def test_a_file_in_the_place_and_models_of_other_labels_are_refused(
    artifact: Path, train: Train, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "soft.jsonl"
    taken.write_text("mine", encoding="utf-8")
    words = {"yes": WORDS["joy"], "no": WORDS["anger"]}
    for split in ("train", "validation"):
        write_text_file(tmp_path / f"{split}.txt", make_rows(words, 16, seed=1))
    other = train("--model", str(artifact), "--data", str(tmp_path), "--max_steps", "1")

    assert run(["soft-label", str(artifact), "--data", str(data), "--output", str(taken)]) == 2
    assert "soft.jsonl: exists; choose another file or remove it" in capsys.readouterr().err
    assert taken.read_text(encoding="utf-8") == "mine"
    assert run(["soft-label", str(artifact), str(other), "--data", str(data), "--output", str(tmp_path / "n")]) == 2
    assert "average models of the same labels" in capsys.readouterr().err
    assert not (tmp_path / "n").exists()
