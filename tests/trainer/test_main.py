"""The command line as its user meets it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.conftest import write_text_file
from trainer.__main__ import run


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "trainer", *arguments], capture_output=True, text=True)


def test_help_names_the_commands() -> None:
    done = command("--help")

    assert done.returncode == 0
    for name in ("train", "evaluate", "export"):
        assert f"\n  {name} " in done.stdout


def test_help_loads_no_torch() -> None:
    script = (
        "import sys, trainer.__main__ as m\ntry: m.run(['export', '--help'])\nfinally: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "False"


def test_an_unknown_command_is_refused() -> None:
    done = command("trian")

    assert done.returncode == 2
    assert "trian" in done.stderr


def test_an_error_of_the_user_is_one_line_without_a_traceback(cased_base: Path, tmp_path: Path) -> None:
    train_file = write_text_file(tmp_path / "train.txt", [("so happy", "joy"), ("so low", "sadness")] * 5)
    validation_file = write_text_file(tmp_path / "validation.txt", [("so happy", "envy")])

    done = command(
        *("train", "--model", str(cased_base), "--output", str(tmp_path / "artifact")),
        *("--train-file", str(train_file), "--validation-file", str(validation_file)),
    )

    assert done.returncode == 2
    assert done.stderr == (
        f"emotion-trainer: error: {validation_file}, line 1: unknown label 'envy'; "
        "use one of joy, sadness, or an id below 2\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train.txt", "validation.txt"]


def test_a_base_that_is_no_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for split in ("train", "validation"):
        write_text_file(tmp_path / f"{split}.txt", [("so happy", "joy"), ("so low", "sadness")])
    (tmp_path / "base").mkdir()

    base, output = tmp_path / "base", tmp_path / "artifact"
    assert run(["train", "--model", str(base), "--data", str(tmp_path), "--output", str(output), "--use_cpu"]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"emotion-trainer: error: --model {base}: holds no config.json: ")
    assert not output.exists()
