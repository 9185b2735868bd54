"""The command line of `emotion-trainer train`."""

import dataclasses
from pathlib import Path

import pytest
from transformers import TrainingArguments

from trainer.errors import UserError
from trainer.training.arguments import parse


def test_the_defaults_are_the_recipe_of_the_card() -> None:
    options, arguments = parse(["--output", "artifact"])

    assert options.model == "google-bert/bert-base-cased"
    assert options.data == "dair-ai/emotion"
    assert arguments.learning_rate == 5e-05
    assert arguments.per_device_train_batch_size == 8
    assert arguments.per_device_eval_batch_size == 8
    assert arguments.num_train_epochs == 3
    assert arguments.seed == 42
    assert (arguments.adam_beta1, arguments.adam_beta2, arguments.adam_epsilon) == (0.9, 0.999, 1e-08)
    assert arguments.weight_decay == 0
    assert arguments.lr_scheduler_type == "linear"
    assert arguments.warmup_steps == 0


def test_a_model_is_called_what_its_folder_is_called_unless_it_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "support").mkdir()
    monkeypatch.chdir(tmp_path / "support")
    assert parse(["--output", "models/praise-or-complaint/"])[0].model_name == "praise-or-complaint"
    assert parse(["--output", "."])[0].model_name == "support"
    assert parse(["--output", "artifact", "--name", "support-2"])[0].model_name == "support-2"


def test_every_field_of_training_arguments_is_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    help_text = capsys.readouterr().out

    missing = [field.name for field in dataclasses.fields(TrainingArguments) if f"--{field.name} " not in help_text]
    assert missing == []


def test_an_option_overrides_the_recipe() -> None:
    _, arguments = parse(["--output", "artifact", "--lr_scheduler_type", "cosine", "--label-smoothing-factor", "0.1"])

    assert arguments.lr_scheduler_type == "cosine"
    assert arguments.label_smoothing_factor == 0.1
    assert arguments.learning_rate == 5e-05


def test_checkpoints_stay_out_of_the_artifact_unless_told_where() -> None:
    assert parse(["--output", "models/a/"])[1].output_dir == "models/a-checkpoints"
    assert parse(["--output", "a", "--output_dir", "elsewhere"])[1].output_dir == "elsewhere"


def test_one_file_without_the_other_is_refused() -> None:
    with pytest.raises(UserError, match="give both or neither"):
        parse(["--output", "artifact", "--train-file", "train.csv"])


def test_contradicting_training_arguments_are_a_one_line_error() -> None:
    with pytest.raises(UserError, match="load_best_model_at_end") as caught:
        parse(["--output", "artifact", "--load_best_model_at_end", "--save_strategy", "steps"])
    assert "\n" not in str(caught.value)


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["--output", "artifact", "--learning_rat", "1e-4"])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("per_device_train_batch_size", "0", "give 1 or more"),
        ("per_device_eval_batch_size", "0", "give 1 or more"),
        ("gradient_accumulation_steps", "0", "give 1 or more"),
        ("label_smoothing_factor", "1.0", "give a share from 0 to below 1"),
        ("seed", "-1", "give a whole number from 0 to 4294967295"),
        ("prediction_loss_only", "True", "the figures need the predictions"),
        ("batch_eval_metrics", "True", "the figures are of the whole split"),
        ("eval_do_concat_batches", "False", "the figures are of the whole split"),
        ("label_names", "mood", "the label is called labels here"),
        ("eval_accumulation_steps", "0", "give 1 or more, or leave it out"),
        ("save_steps", "0", "give 1 or more, or a share of all steps"),
        ("save_steps", "-5", "give 1 or more, or a share of all steps"),
        ("eval_steps", "-5", "give 1 or more, or a share of all steps"),
        ("logging_steps", "-1", "give 1 or more, or a share of all steps"),
    ],
)
def test_what_would_fail_after_hours_is_refused_at_once(option: str, value: str, reason: str) -> None:
    with pytest.raises(UserError, match=rf"^--{option} .*: {reason}"):
        parse(["--output", "artifact", f"--{option}", value])


@pytest.mark.parametrize("option", ["name", "base_model_name"])
@pytest.mark.parametrize("value", ["", " "])
def test_a_blank_name_is_refused_at_once(option: str, value: str) -> None:
    with pytest.raises(UserError, match=rf"^--{option}: blank; give a name, or leave it out"):
        parse(["--output", "artifact", f"--{option}", value])


def test_an_option_that_should_be_json_is_named() -> None:
    with pytest.raises(UserError, match=r"^--lr_scheduler_kwargs: no JSON: "):
        parse(["--output", "artifact", "--lr_scheduler_kwargs", "{bad"])


def test_the_help_says_what_resuming_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "`last`: the last whole" in " ".join(capsys.readouterr().out.split())


def test_class_weights_and_resample_together_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"^--class-weights and --resample: both are for labels that hardly occur; give"
    ):
        parse(["--output", "artifact", "--class-weights", "balanced", "--resample", "balanced"])
