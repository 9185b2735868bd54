"""Writing artifacts: whole or not at all."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from schemas.manifest import ModelManifest
from tests.trainer.conftest import full_disk
from trainer.__main__ import run


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def export(source: Path, output: Path, *options: str) -> int:
    return run(["export", str(source), "--dtype", "float16", "--output", str(output), *options])


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

    assert export(artifact, tmp_path / "half") == 2

    assert "half: exists; choose another folder or give --overwrite" in capsys.readouterr().err
    assert snapshot(tmp_path / "half") == before


def test_training_refuses_a_folder_that_is_taken_before_it_starts(
    artifact: Path, cased_base: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(artifact)

    assert run(["train", "--model", str(cased_base), "--data", str(data), "--output", str(artifact)]) == 2

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
        assert run(command) == 2
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


def test_overwrite_spares_a_folder_that_is_no_artifact(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear", encoding="utf-8")

    assert export(artifact, tmp_path / "home", "--overwrite") == 2

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
        assert export(artifact, output, "--overwrite") == 2

    error = capsys.readouterr().err
    assert error.startswith("emotion-trainer: error: ")
    assert "File too large" in error
    assert [path.name for path in tmp_path.iterdir()] == (["half"] if taken else [])
    assert (snapshot(output) if taken else None) == before
