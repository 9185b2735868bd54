"""The manifest of an artifact."""

import hashlib
import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas.manifest import ModelManifest, digest_files, revision_of


def test_the_manifest_tells_what_was_trained_on_what(artifact: Path) -> None:
    manifest = ModelManifest.read(artifact)

    assert manifest is not None
    assert manifest.name == "artifact"
    assert manifest.base_model == "tiny-bert-cased"
    assert manifest.labels == ["sadness", "joy", "love", "anger", "fear", "surprise"]
    assert manifest.lower_case is True
    assert manifest.confident_score is None
    assert manifest.trained_at.utcoffset() == timedelta(0)
    assert manifest.data.model_dump() == {
        "train": "train.txt",
        "train_rows": 96,
        "validation": "validation.txt",
        "validation_rows": 48,
    }
    assert manifest.recipe["learning_rate"] == 1e-2
    assert manifest.recipe["per_device_train_batch_size"] == 8
    assert manifest.recipe["lr_scheduler_type"] == "linear"
    assert list(manifest.metrics["validation"].labels) == manifest.labels


def test_the_files_are_those_of_the_folder(artifact: Path) -> None:
    manifest = ModelManifest.read(artifact)

    assert manifest is not None
    names = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    digests = {name: hashlib.sha256((artifact / name).read_bytes()).hexdigest() for name in names}
    assert manifest.files == digests
    lines = "".join(f"{digests[name]}  {name}\n" for name in names)
    assert manifest.revision == f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
def test_a_change_of_any_file_is_another_revision(artifact: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(artifact, tmp_path, dirs_exist_ok=True)
    before = revision_of(digest_files(tmp_path))

    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b" ")

    assert revision_of(digest_files(tmp_path)) != before


def test_a_card_beside_the_model_is_no_other_revision(artifact: Path, tmp_path: Path) -> None:
    shutil.copytree(artifact, tmp_path, dirs_exist_ok=True)
    before = revision_of(digest_files(tmp_path))

    (tmp_path / "README.md").write_text("a card", encoding="utf-8")
    (tmp_path / "report" / "notes.json").write_text("{}", encoding="utf-8")

    assert revision_of(digest_files(tmp_path)) == before


def test_a_field_of_a_later_version_is_ignored(artifact: Path, tmp_path: Path) -> None:
    content = json.loads((artifact / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(content | {"temperature": 1.3}), encoding="utf-8")

    assert ModelManifest.read(tmp_path) == ModelManifest.read(artifact)


def test_a_manifest_of_another_version_is_refused(artifact: Path, tmp_path: Path) -> None:
    content = json.loads((artifact / "manifest.json").read_text(encoding="utf-8"))
    (tmp_path / "manifest.json").write_text(json.dumps(content | {"manifest_version": 2}), encoding="utf-8")

    with pytest.raises(ValidationError, match="manifest_version"):
        ModelManifest.read(tmp_path)


def test_a_folder_without_a_manifest_has_none(tmp_path: Path) -> None:
    assert ModelManifest.read(tmp_path) is None
