"""Artifacts with their weights in another number format."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors import safe_open
from transformers import AutoModelForSequenceClassification, pipeline

from schemas.manifest import ModelManifest, digest_files
from tests.trainer.conftest import WORDS, make_rows
from trainer.__main__ import run


def export(source: Path, output: Path) -> int:
    return run(["export", str(source), "--dtype", "float16", "--output", str(output)])


def test_an_export_stores_the_weights_in_the_other_format(artifact: Path, tmp_path: Path) -> None:
    assert export(artifact, tmp_path / "half") == 0

    with safe_open(tmp_path / "half" / "model.safetensors", framework="pt") as weights:
        assert {weights.get_slice(name).get_dtype() for name in weights.keys()} == {"F16"}  # noqa: SIM118 - no mapping
    old, new = ModelManifest.read(artifact), ModelManifest.read(tmp_path / "half")
    assert old is not None
    assert new is not None
    assert (old.dtype, new.dtype) == ("float32", "float16")
    assert new.exported_from == old.revision
    assert new.revision != old.revision
    fresh = {"dtype", "exported_from", "files", "revision"}
    assert new.model_dump(exclude=fresh) == old.model_dump(exclude=fresh)


def test_an_export_labels_as_its_source_does(artifact: Path, tmp_path: Path) -> None:
    export(artifact, tmp_path / "half")
    texts = [text for text, _ in make_rows(WORDS, 30, seed=5)]

    full, half = (
        pipeline("text-classification", str(folder), dtype="float32", device="cpu")(texts)
        for folder in (artifact, tmp_path / "half")
    )

    assert [result["label"] for result in half] == [result["label"] for result in full]
    assert [result["score"] for result in half] == pytest.approx([result["score"] for result in full], abs=1e-2)


def test_an_export_of_an_export_names_the_revision_that_was_measured(artifact: Path, tmp_path: Path) -> None:
    assert export(artifact, tmp_path / "half") == 0
    assert export(tmp_path / "half", tmp_path / "again") == 0

    measured, again = ModelManifest.read(artifact), ModelManifest.read(tmp_path / "again")
    assert measured is not None
    assert again is not None
    assert again.exported_from == measured.revision


def test_a_weight_that_the_format_cannot_hold_is_refused(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = shutil.copytree(artifact, tmp_path / "wild")
    model = AutoModelForSequenceClassification.from_pretrained(wild)
    model.classifier.bias.data.fill_(1e6)
    model.save_pretrained(wild)
    manifest = ModelManifest.read(wild)
    assert manifest is not None
    manifest.model_copy(update={"files": digest_files(wild)}).write(wild)

    assert export(wild, tmp_path / "half") == 2

    assert "--dtype float16: cannot hold a weight of classifier.bias" in capsys.readouterr().err


def test_a_model_without_a_manifest_is_not_exported(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = shutil.copytree(artifact, tmp_path / "bare", ignore=shutil.ignore_patterns("manifest.json"))

    assert export(bare, tmp_path / "half") == 2

    assert "no manifest.json" in capsys.readouterr().err


def test_a_broken_manifest_is_named(artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"manifest_version": 1, "name": "x"}), encoding="utf-8")

    assert export(tmp_path, tmp_path / "half") == 2

    assert "manifest.json: not valid" in capsys.readouterr().err
