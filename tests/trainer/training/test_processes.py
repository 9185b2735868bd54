"""One training in several processes, as torchrun starts them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.eventually import eventually
from tests.trainer.conftest import Train

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m")


def test_two_processes_have_the_loss_curve_of_one_with_their_batch(
    train: Train, cased_base: Path, data: Path, tmp_path: Path
) -> None:
    options = ["--model", str(cased_base), "--data", str(data), "--max_steps", "20", "--augment", "0.5"]
    options += ["--learning_rate", "2e-3", "--train_sampling_strategy", "group_by_length"]  # the one that is ours
    options += ["--use_cpu", "--report_to", "none"]
    output = tmp_path / "two"

    done = subprocess.run(
        [*TORCHRUN, "trainer", "train", "--output", str(output), *options, "--per_device_train_batch_size", "4"],
        capture_output=True,
        text=True,
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


def test_two_killed_processes_go_on_to_the_weights_of_two_that_were_not(
    base_with_dropout: Path, data: Path, tmp_path: Path
) -> None:
    options = ["--model", str(base_with_dropout), "--data", str(data), "--max_steps", "20", "--augment", "0.5"]
    options += ["--per_device_train_batch_size", "4", "--gradient_accumulation_steps", "2", "--use_cpu"]
    options += ["--train_sampling_strategy", "group_by_length", "--save_strategy", "steps", "--save_steps", "4"]
    options += ["--report_to", "none", "--eval_strategy", "no", "--output"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    # Epochs have 6 steps, so this checkpoint lies within the second.
    state = tmp_path / "killed-checkpoints" / "checkpoint-8" / "trainer_state.json"

    with subprocess.Popen(
        [*TORCHRUN, "tests.harness.late_trainer", "train", *options, str(killed)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        eventually(state.is_file, timeout_s=200, what="a checkpoint", interval_s=0.005)
        for worker in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split():
            os.kill(int(worker), signal.SIGKILL)
    assert process.returncode != 0
    assert not killed.exists()
    for output, resume in ((killed, ["--resume_from_checkpoint", "last"]), (whole, [])):
        done = subprocess.run(
            [*TORCHRUN, "trainer", "train", *options, str(output), *resume], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]

    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
