"""A model is held against its golden set before it labels anything."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from schemas.golden_set import GOLDEN_FILE, read_golden_set
from tests.harness.tiny_architectures import write_architecture
from tests.harness.tiny_model import LABELS, write_tiny_model
from trainer.evaluation.golden_set import write_golden_set_of
from worker.__main__ import main
from worker.errors import UserError
from worker.labelling import load_model
from worker.settings import load_settings

ANY = "the quick brown fox"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with the golden set that the trainer writes beside it."""
    write_tiny_model(tmp_path / "model")
    write_golden_set_of(tmp_path / "model")
    return tmp_path / "model"


def load(folder: Path, **options: Any) -> None:
    load_model(load_settings(**{"model": str(folder), "device": "cpu", "dtype": "float32"} | options))


def own(folder: Path, *texts: dict[str, Any]) -> str:
    file = folder.parent / "own.jsonl"
    file.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    return str(file)


def negate_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"classifier.weight": -weights["classifier.weight"]}, folder / "model.safetensors")


def exchange_tokens(folder: Path) -> None:
    file = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = file["model"]["vocab"]
    first, *_, last = (token for token in vocabulary if len(token) == 1)
    vocabulary[first], vocabulary[last] = vocabulary[last], vocabulary[first]
    (folder / "tokenizer.json").write_text(json.dumps(file), encoding="utf-8")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_model_that_labels_as_it_did_is_loaded(dtype: str, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "worker"):
        load(folder, dtype=dtype)

    (event,) = [record for record in caplog.records if record.message == "golden_set_agrees"]
    assert vars(event)["texts"] == len(read_golden_set(folder / GOLDEN_FILE))


@pytest.mark.parametrize("change", [negate_weights, exchange_tokens])
def test_one_whose_files_are_others_is_refused_by_the_numbers_of_the_texts(
    change: Callable[[Path], None], folder: Path
) -> None:
    change(folder)

    with pytest.raises(
        UserError, match=r"golden.jsonl: \d+ of \d+ texts do not come out here as it says: number 1"
    ) as error:
        load(folder)
    assert not any(golden.text in str(error.value) for golden in read_golden_set(folder / GOLDEN_FILE))


def test_texts_of_the_users_own_must_get_their_labels(folder: Path) -> None:
    golden = read_golden_set(folder / GOLDEN_FILE)[0]
    right = {"text": golden.text, "label": golden.label}
    load(folder, golden_set=own(folder, right))

    wrong = right | {"label": next(name for name in LABELS if name != golden.label)}
    with pytest.raises(UserError, match=r"own.jsonl: 1 of 2 texts do not come out here as it says: number 2") as error:
        load(folder, golden_set=own(folder, right, wrong))
    assert golden.text not in str(error.value)


def test_a_golden_set_of_another_model_is_named_so(folder: Path) -> None:
    with pytest.raises(UserError, match=r"own.jsonl, text 1: names the label 'bliss', and the model has sadness, joy"):
        load(folder, golden_set=own(folder, {"text": ANY, "label": "bliss"}))


def test_several_labels_are_held_by_each_score(tmp_path: Path) -> None:
    folder = write_architecture(tmp_path / "several", "distilbert", problem_type="multi_label_classification")
    assert write_golden_set_of(folder) > 20

    load(folder)

    assert any(sum(golden.scores.values()) > 1.2 for golden in read_golden_set(folder / GOLDEN_FILE) if golden.scores)


def test_check_says_what_was_held(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["emotion-worker", "check", "--device"])
    monkeypatch.setenv("EMOTION_MODEL", str(folder))
    monkeypatch.setenv("EMOTION_DTYPE", "float32")

    assert main() == 0

    texts = len(read_golden_set(folder / GOLDEN_FILE))
    assert f"all {texts} texts come out here as they should" in capsys.readouterr().out
