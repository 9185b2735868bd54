"""A training that is killed, and one that is run twice."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.eventually import eventually
from tests.trainer.conftest import Train
from trainer.__main__ import run

# Checkpoints within epochs of 12 steps; everything that draws random numbers.
OPTIONS = ("--max_steps", "60", "--save_strategy", "steps", "--save_steps", "7", "--eval_strategy", "no")
RANDOM = ("--augment", "0.5", "--learning_rate", "1e-2", "--seed", "7")


def weights(artifact: Path) -> bytes:
    return (artifact / "model.safetensors").read_bytes()


def is_in_second_epoch(artifact: Path) -> bool:
    """Whether there is a whole checkpoint of an epoch that is not the first."""
    return (artifact.with_name(f"{artifact.name}-checkpoints") / "checkpoint-14" / "trainer_state.json").is_file()


@pytest.mark.parametrize("sampler", ["random", "group_by_length"])
def test_a_killed_training_goes_on_to_the_weights_of_an_uninterrupted_one(
    sampler: str, train: Train, base_with_dropout: Path, data: Path, tmp_path: Path
) -> None:
    options = ["--model", str(base_with_dropout), "--data", str(data), *OPTIONS, *RANDOM]
    options += ["--train_sampling_strategy", sampler, "--use_cpu", "--report_to", "none"]
    output = tmp_path / "killed"
    command = [sys.executable, "-m", "trainer", "train", "--output", str(output), *options]

    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        eventually(lambda: is_in_second_epoch(output), timeout_s=200, what="a checkpoint", interval_s=0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not output.exists()
    torn = output.with_name("killed-checkpoints") / "checkpoint-59"
    torn.mkdir()
    (torn / "trainer_state.json").write_text('{"global_st', encoding="utf-8")

    assert run([*command[3:], "--resume_from_checkpoint", "last"]) == 0

    assert weights(output) == weights(train(*options))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    train: Train, base_with_dropout: Path, data: Path
) -> None:
    options = ["--model", str(base_with_dropout), "--data", str(data), "--max_steps", "6", "--augment", "0.5"]

    first, second, other = (weights(train(*options, "--seed", seed)) for seed in ("1", "1", "2"))

    assert first == second
    assert first != other


@pytest.mark.parametrize("left", [1, 0], ids=["before-the-last-evaluation", "before-the-artifact"])
def test_a_resumed_training_stops_early_when_the_uninterrupted_one_did(
    left: int, train: Train, cased_base: Path, data: Path, tmp_path: Path
) -> None:
    # At this rate the first epochs are no guide: the loss soon rises above its best.
    options = ["--model", str(cased_base), "--data", str(data), "--learning_rate", "5e-2", "--num_train_epochs", "30"]
    options += ["--load_best_model_at_end", "--early_stopping_patience", "2"]
    whole = train(*options)
    checkpoints = whole.with_name("artifact-checkpoints")
    *_, last = sorted(int(path.name.partition("-")[2]) for path in checkpoints.glob("checkpoint-*"))
    resumed_from = checkpoints / f"checkpoint-{last - 12 * left}"

    again = train(*options, "--resume_from_checkpoint", str(resumed_from))

    assert evaluations(again) == evaluations(whole)
    assert weights(again) == weights(whole)


def evaluations(artifact: Path) -> list[float]:
    """The validation loss of each evaluation."""
    file = artifact.with_name(f"{artifact.name}-checkpoints") / "trainer_state.json"
    log = json.loads(file.read_text(encoding="utf-8"))["log_history"]
    return [entry["eval_loss"] for entry in log if "eval_loss" in entry]


@pytest.fixture(scope="module")
def checkpoint(train: Train, cased_base: Path, data: Path) -> Path:
    artifact = train("--model", str(cased_base), "--data", str(data), "--max_steps", "1", "--save_steps", "1")
    return artifact.with_name("artifact-checkpoints") / "checkpoint-1"


def cut_weights(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def other_architecture(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}), encoding="utf-8")


def other_labels(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = dict(enumerate(reversed(config["id2label"].values())))
    (folder / "config.json").write_text(json.dumps(config | {"id2label": names}), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "trainer_state.json").unlink(), "not written to its end; give an earlier checkpoint"),
        (lambda folder: (folder / "optimizer.pt").unlink(), "no optimizer.pt, so it cannot be resumed"),
        (cut_weights, "cannot be loaded: "),
        (
            other_architecture,
            "its num_hidden_layers is 3, but this training's is 2; give its --model, options and data",
        ),
        (other_labels, "its id2label is {0: 'surprise'"),
        (shutil.rmtree, "no such folder; give a checkpoint, or `last` for the newest"),
    ],
    ids=["torn", "weights-only", "cut", "architecture", "labels", "missing"],
)
def test_a_checkpoint_that_cannot_be_resumed_is_refused(spoil, message, checkpoint, cased_base, data, tmp_path, capsys):  # type: ignore[no-untyped-def]
    folder = tmp_path / "checkpoint-1"
    shutil.copytree(checkpoint, folder)
    spoil(folder)
    options = ["--model", str(cased_base), "--data", str(data), "--use_cpu", "--report_to", "none"]

    assert run(["train", "--output", str(tmp_path / "a"), *options, "--resume_from_checkpoint", str(folder)]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"emotion-trainer: error: --resume_from_checkpoint {folder}: ")
    assert message in error
    assert not (tmp_path / "a").exists()


def test_last_needs_a_checkpoint(
    cased_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", str(cased_base), "--data", str(data), "--use_cpu", "--resume_from_checkpoint", "last"]

    assert run(["train", "--output", str(tmp_path / "a"), *options]) == 2

    assert f"no whole checkpoint in {tmp_path}/a-checkpoints; start without it" in capsys.readouterr().err


def test_a_checkpoint_of_another_recipe_is_refused(
    checkpoint: Path, cased_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", str(cased_base), "--data", str(data), "--use_cpu", "--report_to", "none", "--max_steps", "1"]
    command = ["train", "--output", str(tmp_path / "a"), *options, "--resume_from_checkpoint", str(checkpoint)]

    assert run([*command, "--learning_rate", "1e-3"]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert f"{checkpoint}: its training had learning_rate 5e-05, this one has 0.001; give the same options" in error
    assert not (tmp_path / "a").exists()


def test_a_training_does_not_mix_its_checkpoints_with_those_of_an_earlier_one(
    cased_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a"
    options = ["--model", str(cased_base), "--data", str(data), "--use_cpu", "--report_to", "none"]
    command = ["train", "--output", str(output), *options, "--save_strategy", "steps", "--save_steps", "2"]
    assert run([*command, "--max_steps", "4"]) == 0
    shutil.rmtree(output)

    assert run([*command, "--max_steps", "2"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "a-checkpoints: holds checkpoints of an earlier training; go on with it by --resume_from_checkpoint" in error

    assert run([*command, "--max_steps", "2", "--overwrite"]) == 0
    assert [path.name for path in (tmp_path / "a-checkpoints").glob("checkpoint-*")] == ["checkpoint-2"]
