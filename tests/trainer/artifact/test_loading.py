"""Model folders that are not what they seem."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.conftest import Train
from trainer.__main__ import run

Spoil = Callable[[Path], object]


def cut(name: str) -> Spoil:
    def spoil(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return spoil


def changed(name: str, **values: Any) -> Spoil:
    def spoil(folder: Path) -> None:
        file = folder / name
        file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values), encoding="utf-8")

    return spoil


def removed(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut("model.safetensors"), "not what its manifest.json describes: model.safetensors; copy the artifact again"),
        (cut("tokenizer.json"), "not what its manifest.json describes: tokenizer.json; copy the artifact again"),
        (cut("config.json"), "not what its manifest.json describes: config.json; copy the artifact again"),
        (cut("manifest.json"), "manifest.json: not valid: Invalid JSON"),
        (
            changed("manifest.json", labels=["a", "b"]),
            "the labels of config.json (sadness, joy, love, anger, fear, sur",
        ),
        (removed("tokenizer.json"), "not what its manifest.json describes: tokenizer.json"),
    ],
    ids=lambda value: None if callable(value) else value[:30],
)
def test_an_artifact_that_is_not_as_it_was_written_is_refused(
    spoil: Spoil, message: str, artifact: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(artifact, tmp_path / "spoilt")
    spoil(folder)

    assert run(["evaluate", str(folder), "--data", str(data)]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"emotion-trainer: error: {folder}")
    assert message in error


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut("model.safetensors"), "has a model.safetensors that is cut short"),
        (cut("config.json"), "has a config.json that is no JSON"),
        (changed("config.json", hidden_size=64), "for bert.embeddings.LayerNorm.bias and"),
        (changed("config.json", num_hidden_layers=3), "for bert.encoder.layer.2."),
        (changed("config.json", model_type="nonsense"), "has model type `nonsense`"),
        (changed("config.json", id2label={0: "joy", 1: "fear"}), "2 labels in config.json, but 6 outputs"),
        (changed("config.json", problem_type="regression"), "is a regression, not a classifier"),
        (removed("tokenizer.json"), "holds no tokenizer"),
    ],
    ids=["weights", "config", "wider", "more-layers", "kind", "labels", "regression", "tokenizer"],
)
def test_a_folder_from_elsewhere_that_holds_no_classifier_is_refused(
    spoil: Spoil, message: str, artifact: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(artifact, tmp_path / "spoilt")
    (folder / "manifest.json").unlink()
    spoil(folder)
    capsys.readouterr()  # of the training

    assert run(["evaluate", str(folder), "--data", str(data)]) == 2

    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith(f"emotion-trainer: error: {folder}: ")
    assert message in error


def pickled(content: bytes) -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        (folder / "pytorch_model.bin").write_bytes(content)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (pickled(b"garbage"), "cannot be loaded: Weights only load failed"),
        (pickled(b"PK\x03\x04 cut short"), "cannot be loaded: PytorchStreamReader failed"),
        (cut("model.safetensors"), "has a model.safetensors that is cut short"),
        (changed("config.json", num_hidden_layers=3), "for bert.encoder.layer.2."),
        (changed("config.json", hidden_size=64), "holds no weights, or some of another shape, for bert.embeddings."),
        (removed("tokenizer.json"), "holds no tokenizer (tokenizer.json"),
        (changed("tokenizer_config.json", pad_token=None), "the tokenizer has no padding token"),
    ],
    ids=["pickle", "zip", "cut", "more-layers", "wider", "no-vocabulary", "no-padding"],
)
def test_a_base_that_does_not_fit_together_is_refused(
    spoil: Spoil, message: str, cased_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(cased_base, tmp_path / "base")
    spoil(folder)

    assert (
        run(["train", "--model", str(folder), "--data", str(data), "--output", str(tmp_path / "a"), "--use_cpu"]) == 2
    )

    assert message in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_an_encoder_without_a_pooler_is_a_base(train: Train, cased_base: Path, data: Path, tmp_path: Path) -> None:
    from transformers import BertModel

    folder = shutil.copytree(cased_base, tmp_path / "base")
    BertModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(folder)

    train("--model", str(folder), "--data", str(data), "--max_steps", "1")
