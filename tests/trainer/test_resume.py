"""A training that is killed, and one that is run twice or by two processes."""

import json
import os
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


@pytest.fixture(scope="module")
def base_with_dropout(cased_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dropout") / "tiny-bert"
    shutil.copytree(cased_base, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


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


@pytest.mark.parametrize("sampler", ["random", "group_by_length"])
def test_two_processes_have_the_loss_curve_of_one_with_their_batch(
    sampler: str, train: Train, cased_base: Path, data: Path, tmp_path: Path
) -> None:
    options = ["--model", str(cased_base), "--data", str(data), "--max_steps", "20", "--augment", "0.5"]
    options += ["--learning_rate", "2e-3", "--train_sampling_strategy", sampler, "--use_cpu", "--report_to", "none"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    output = tmp_path / "two"

    done = subprocess.run(
        [*torchrun, "-m", "trainer", "train", "--output", str(output), *options, "--per_device_train_batch_size", "4"],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one = train(*options, "--per_device_train_batch_size", "8")

    assert done.stdout.count("sha256:") == 1
    assert curve_of(output) == pytest.approx(curve_of(one), abs=2e-3)


def curve_of(artifact: Path) -> list[float]:
    """The training loss of each step and the validation losses."""
    state = json.loads(
        (artifact.with_name(f"{artifact.name}-checkpoints") / "trainer_state.json").read_text(encoding="utf-8")
    )
    return [entry[name] for entry in state["log_history"] for name in ("loss", "eval_loss") if name in entry]


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
        (other_architecture, "its num_hidden_layers is 3, but this training's is 2; give its --model and data"),
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

    assert run(["train", "--output", str(tmp_path / "a"), *options, "--resume_from_checkpoint", str(folder)]) == 1

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"emotion-trainer: error: --resume_from_checkpoint {folder}: ")
    assert message in error
    assert not (tmp_path / "a").exists()


def test_last_needs_a_checkpoint(
    cased_base: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", str(cased_base), "--data", str(data), "--use_cpu", "--resume_from_checkpoint", "last"]

    assert run(["train", "--output", str(tmp_path / "a"), *options]) == 1

    assert f"no whole checkpoint in {tmp_path}/a-checkpoints; start without it" in capsys.readouterr().err
