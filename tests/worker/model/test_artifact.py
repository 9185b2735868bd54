"""A model is what its manifest says, and nothing in its folder is run."""

import shutil
from pathlib import Path

import orjson
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from schemas.manifest import MANIFEST_FILE, ModelManifest, digest_files
from worker.errors import UserError
from worker.labelling import load_model
from worker.model.artifact import _BUNDLED, find_artifact, pinning_hint
from worker.settings import load_settings

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


def load(folder: Path) -> None:
    load_model(load_settings(model=str(folder), device="cpu"))


@pytest.mark.parametrize("change", ["changed", "missing", "added"])
def test_a_file_that_is_not_as_the_manifest_says_is_named(change: str, folder: Path) -> None:
    bundled = ModelManifest.read(_BUNDLED)
    assert bundled is not None
    bundled.model_copy(update={"files": digest_files(folder)}).write(folder)
    load(folder)
    weights, config = folder / "model.safetensors", folder / "added_tokens.json"
    if change == "changed":
        weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    elif change == "missing":
        weights.unlink()
    else:
        config.write_text('{"joy": 5}')
    file = config if change == "added" else weights
    with pytest.raises(UserError, match=rf"copy, {file.name} missing or not as {MANIFEST_FILE} says: copy the model"):
        load(folder)


def test_weights_that_could_run_code_are_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    AutoModelForSequenceClassification.from_pretrained(folder)  # other loaders take them
    with pytest.raises(
        UserError, match=r"copy holds no safetensors, but pytorch_model\.bin, .*: convert it where you trust it"
    ):
        load(folder)


@pytest.mark.parametrize("known_type", [True, False])
def test_code_in_the_folder_is_never_run(known_type: bool, folder: Path) -> None:
    ran = folder / "ran"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')\n")
    config = orjson.loads((folder / "config.json").read_bytes())
    config["auto_map"] = {"AutoConfig": "own.Own", "AutoModelForSequenceClassification": "own.Own"}
    if not known_type:
        config["model_type"] = "own"
    (folder / "config.json").write_bytes(orjson.dumps(config))
    (folder / "tokenizer_config.json").write_bytes(
        orjson.dumps(
            orjson.loads((folder / "tokenizer_config.json").read_bytes())
            | {"auto_map": {"AutoTokenizer": ["own.Own", "own.Own"]}}
        )
    )
    if known_type:
        load(folder)
    else:
        with pytest.raises(UserError, match=r"EMOTION_MODEL: .* cannot be loaded"):
            load(folder)
    assert not ran.exists()


@pytest.mark.parametrize(("revision", "pinned"), [(None, False), ("main", False), ("0123456", False), (COMMIT, True)])
def test_the_commit_of_a_model_from_the_hub_is_logged_with_a_warning_where_no_revision_pins_it(
    revision: str | None,
    pinned: bool,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    snapshot = folder.rename(folder.parent / COMMIT)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(snapshot))
    caplog.set_level("INFO", "worker")
    assert find_artifact("some/model", revision).revision == COMMIT
    (record,) = [record for record in caplog.records if record.name.startswith("worker")]  # others' threads log as well
    assert (record.message, record.levelname) == ("model_from_hub", "INFO" if pinned else "WARNING")
    assert record.__dict__["commit"] == COMMIT
    hint = pinning_hint("some/model", revision)
    assert (hint is None) == pinned
    assert hint is None or "EMOTION_MODEL_REVISION" in hint.mend
