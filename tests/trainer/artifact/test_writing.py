"""Writing artifacts: whole or not at all."""

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from safetensors import safe_open
from transformers import AutoModelForSequenceClassification, pipeline

from schemas.manifest import ModelManifest, digest_files
from tests.trainer.conftest import WORDS, make_rows
from trainer.__main__ import run


@contextmanager
def full_disk() -> Iterator[None]:
    """Lets no file grow beyond 20 kB, as a disk without room would."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def export(source: Path, output: Path, *options: str) -> int:
    return run(["export", str(source), "--dtype", "float16", "--output", str(output), *options])


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


def test_the_umask_alone_decides_who_may_read_an_artifact(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()

    assert {path.stat().st_mode for path in artifact.rglob("*.*")} == {(tmp_path / "file").stat().st_mode}
    assert artifact.stat().st_mode == (tmp_path / "folder").stat().st_mode


def test_a_folder_that_is_taken_is_left_alone(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(artifact, tmp_path / "half")
    before = snapshot(tmp_path / "half")

    assert export(artifact, tmp_path / "half") == 1

    assert "half: exists; choose another folder or give --overwrite" in capsys.readouterr().err
    assert snapshot(tmp_path / "half") == before


def test_training_refuses_a_folder_that_is_taken_before_it_starts(
    artifact: Path, cased_base: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(artifact)

    assert run(["train", "--model", str(cased_base), "--data", str(data), "--output", str(artifact)]) == 1

    assert "exists; choose another folder or give --overwrite" in capsys.readouterr().err
    assert snapshot(artifact) == before


@pytest.mark.parametrize("parent", ["letter.txt", "/proc", "/proc/none"])
def test_a_place_that_nothing_can_be_written_to_is_named_before_the_work(
    parent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("dear;joy", encoding="utf-8")
    output = tmp_path / parent / "out"
    given = ("--data", str(tmp_path / "letter.txt"), "--output", str(output))

    commands = (["train", *given], ["cue-label", *given], ["data-report", *given], ["soft-label", "none", *given])
    for command in (*commands, ["export", "none", "--dtype", "float16", "--output", str(output)]):
        assert run(command) == 1
        error = capsys.readouterr().err
        assert f"error: --output {output}" in error
        assert "choose another place" in error


def test_overwrite_replaces_an_artifact(artifact: Path, tmp_path: Path) -> None:
    export(artifact, tmp_path / "model")
    (tmp_path / "model" / "stale.txt").write_text("of the artifact before", encoding="utf-8")

    assert (
        run(["export", str(artifact), "--dtype", "bfloat16", "--output", str(tmp_path / "model"), "--overwrite"]) == 0
    )

    manifest = ModelManifest.read(tmp_path / "model")
    assert manifest is not None
    assert manifest.dtype == "bfloat16"
    assert set(snapshot(tmp_path / "model")) == set(snapshot(artifact))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_killed_process_left_aside_is_removed(artifact: Path, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    left = (f".model.{ended.pid}.new", f".model.{os.getpid()}.new", f".model.{os.getppid()}.new")
    for name in (*left, f".other.{ended.pid}.new"):
        shutil.copytree(artifact, tmp_path / name)

    assert export(artifact, tmp_path / "model") == 0

    kept = {"model", f".model.{os.getppid()}.new", f".other.{ended.pid}.new"}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_an_export_of_an_export_names_the_revision_that_was_measured(artifact: Path, tmp_path: Path) -> None:
    assert export(artifact, tmp_path / "half") == 0
    assert export(tmp_path / "half", tmp_path / "again") == 0

    measured, again = ModelManifest.read(artifact), ModelManifest.read(tmp_path / "again")
    assert measured is not None
    assert again is not None
    assert again.exported_from == measured.revision


def test_overwrite_spares_a_folder_that_is_no_artifact(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear", encoding="utf-8")

    assert export(artifact, tmp_path / "home", "--overwrite") == 1

    assert "no artifact" in capsys.readouterr().err
    assert snapshot(tmp_path / "home") == {"letter.txt": b"dear"}


@pytest.mark.parametrize("taken", [False, True], ids=["new", "overwrite"])
def test_a_full_disk_leaves_the_place_as_it_was(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], taken: bool
) -> None:
    output = tmp_path / "half"
    if taken:
        export(artifact, output)
    before = snapshot(output) if taken else None

    capsys.readouterr()
    with full_disk():
        assert export(artifact, output, "--overwrite") == 1

    error = capsys.readouterr().err
    assert error.startswith("emotion-trainer: error: ")
    assert "File too large" in error
    assert [path.name for path in tmp_path.iterdir()] == (["half"] if taken else [])
    assert (snapshot(output) if taken else None) == before


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

    assert export(wild, tmp_path / "half") == 1

    assert "--dtype float16: cannot hold a weight of classifier.bias" in capsys.readouterr().err


def test_a_model_without_a_manifest_is_not_exported(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = shutil.copytree(artifact, tmp_path / "bare", ignore=shutil.ignore_patterns("manifest.json"))

    assert export(bare, tmp_path / "half") == 1

    assert "no manifest.json" in capsys.readouterr().err


def test_a_broken_manifest_is_named(artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"manifest_version": 1, "name": "x"}), encoding="utf-8")

    assert export(tmp_path, tmp_path / "half") == 1

    assert "manifest.json: not valid" in capsys.readouterr().err
