"""What users of the transformers Trainer count on."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import HfApi

from schemas.manifest import ModelManifest
from tests.trainer.conftest import Train, full_disk
from trainer.__main__ import run
from trainer.preprocessing.augmentation import CHANGES


def state_of(artifact: Path) -> dict[str, Any]:
    file = artifact.with_name(f"{artifact.name}-checkpoints") / "trainer_state.json"
    state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return state


def test_the_best_checkpoint_is_kept_and_a_training_that_gets_no_better_stops(
    train: Train, base_options: list[str]
) -> None:
    # At this rate the first epochs are no guide: the loss soon rises above its best.
    artifact = train(
        *(*base_options, "--learning_rate", "5e-2", "--num_train_epochs", "30"),
        *("--load_best_model_at_end", "--early_stopping_patience", "2"),
    )

    losses = [entry["eval_loss"] for entry in state_of(artifact)["log_history"] if "eval_loss" in entry]
    manifest = ModelManifest.read(artifact)
    assert manifest is not None
    assert manifest.calibration is not None
    assert len(losses) < 30
    assert losses.index(min(losses)) == len(losses) - 3
    assert manifest.calibration.before.loss.value == pytest.approx(min(losses), abs=1e-4)


def _without(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(package) is not None, reason=f"{package} is installed")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--early_stopping_patience", "2"], "--early-stopping-patience: needs --load_best_model_at_end"),
        (["--augment", "1.5"], "--augment 1.5: no share; give a number from 0 to 1"),
        (["--augment_most", "0"], "--augment-most 0: give 1 or more"),
        (["--augment-kinds", "typo=4", "smiley=1"], "--augment-kinds smiley=1: give a kind and its weight, such as"),
        (["--augment-kinds", "typo=often"], "--augment-kinds typo=often: give a kind and its weight, such as"),
        (["--augment-kinds", *(f"{kind}=0" for kind in CHANGES)], "all weights are 0"),
        pytest.param(["--bf16"], "bf16", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")),
        (["--tf32", "1", "--use_cpu"], "tf32"),
        pytest.param(["--optim", "adamw_bnb_8bit"], "install `bitsandbytes`", marks=_without("bitsandbytes")),
        pytest.param(["--use_liger_kernel"], "liger-kernel >= 0.3.0 is not available", marks=_without("liger_kernel")),
        pytest.param(["--deepspeed", "zero.json"], "'deepspeed>=0.9.3' distribution", marks=_without("deepspeed")),
        (["--learning_rate", "-1"], "Invalid learning rate: -1.0"),
        (
            ["--learning_rate", "1e30", "--max_grad_norm", "0", "--max_steps", "9"],
            "outputs are no numbers: the training diverged; give a lower",
        ),
        (
            ["--dataloader_drop_last", "--per_device_train_batch_size", "97"],
            "96 texts make no batch of 97; leave it out",
        ),
        (["--num_train_epochs", "0"], "not a single step was made; give --num_train_epochs or --max_steps above 0"),
        (["--fsdp", "full_shard"], "fsdp only works in distributed training"),
        (["--lr_scheduler_type", "cosine_with_min_lr"], "min_lr or min_lr_rate should be set"),
        (["--report_to", "nonsense"], "nonsense is not supported, only"),
        (["--metric_for_best_model", "f2", "--load_best_model_at_end"], "f2: not measured; choose one of loss"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    options: list[str],
    message: str,
    base_options: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["train", "--output", str(tmp_path / "a"), *base_options, "--report_to", "none", *options]) == 2

    # A progress bar that was begun may end behind it.
    (error,) = re.findall(r"emotion-trainer: error: .*", capsys.readouterr().err)
    assert message in error
    assert not (tmp_path / "a").exists()


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="W&B is installed")
def test_a_logger_that_is_not_installed_is_named(
    base_options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "--output", str(tmp_path / "a"), *base_options, "--use_cpu", "--report_to", "wandb"]) == 2

    assert "requires wandb to be installed" in capsys.readouterr().err.splitlines()[-1]


def test_tensorboard_shows_each_loss_and_figure(
    train: Train, base_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path))

    artifact = train(*base_options, "--max_steps", "3", "--report_to", "tensorboard")

    events = EventAccumulator(str(tmp_path))
    events.Reload()
    losses = [entry["loss"] for entry in state_of(artifact)["log_history"] if "loss" in entry]
    assert [event.value for event in events.Scalars("train/loss")] == pytest.approx(losses)
    assert {"eval/loss", "eval/accuracy", "eval/macro_f1"} <= set(events.Tags()["scalars"])


def test_a_full_disk_leaves_no_artifact_and_says_how_to_go_on(
    base_options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*base_options, "--use_cpu", "--report_to", "none", "--max_steps", "2", "--save_steps", "1"]
    with full_disk():
        assert run(["train", "--output", str(tmp_path / "a"), *options, "--save_strategy", "steps"]) == 2

    error = capsys.readouterr().err
    assert f"--output_dir {tmp_path}/a-checkpoints: cannot be written: " in error
    assert "make room, then go on with --resume_from_checkpoint last" in error
    assert [path.name for path in tmp_path.iterdir()] == ["a-checkpoints"]


def test_a_disk_that_is_full_at_the_end_leaves_no_artifact_either(
    base_options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*base_options, "--use_cpu", "--report_to", "none", "--max_steps", "1", "--save_strategy", "no"]
    with full_disk():
        assert run(["train", "--output", str(tmp_path / "a"), *options]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"emotion-trainer: error: --output {tmp_path}/a: cannot be written: ")
    assert "--resume_from_checkpoint last" in error
    assert [path.name for path in tmp_path.iterdir()] == ["a-checkpoints"]


def test_a_hub_that_cannot_be_used_is_told_before_the_training(
    base_options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def create_repo(*_: Any, **__: Any) -> Any:
        raise OSError("Name or service not known")

    monkeypatch.setattr(HfApi, "create_repo", create_repo)
    options = [*base_options, "--use_cpu", "--report_to", "none", "--max_steps", "1", "--push_to_hub"]

    assert run(["train", "--output", str(tmp_path / "a"), *options]) == 2

    error = capsys.readouterr().err.splitlines()[-1]
    assert "--push_to_hub: the hub cannot be used: Name or service not known; check network, --hub_model_id" in error
