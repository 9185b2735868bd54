"""The command line of `emotion-trainer train`: read, completed by the card's recipe, and checked."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from transformers import HfArgumentParser, TrainingArguments

from trainer.errors import UserError, first_line
from trainer.training.options import TrainOptions
from trainer.training.recipe import CARD

# What the card leaves open is as transformers has it, but for these.
_OURS: Mapping[str, Any] = {
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "logging_steps": 1,
    "hub_strategy": "end",
}

METRICS = ("loss", "accuracy", "macro_f1")
"""What an evaluation measures, and a best checkpoint can be chosen by."""

_COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")

_A_STEP = "give 1 or more, or a share of all steps"

# What would fail in the middle of a training, or measure nothing, with the reason.
_REFUSED: Sequence[tuple[str, Callable[[Any], bool], str]] = (
    ("per_device_train_batch_size", lambda value: value < 1, "give 1 or more"),
    ("per_device_eval_batch_size", lambda value: value < 1, "give 1 or more"),
    ("gradient_accumulation_steps", lambda value: value < 1, "give 1 or more"),
    (
        "eval_accumulation_steps",
        lambda value: value is not None and value < 1,
        "give 1 or more, or leave it out",
    ),
    ("save_steps", lambda value: value <= 0, _A_STEP),
    ("eval_steps", lambda value: value is not None and value < 0, _A_STEP),
    ("logging_steps", lambda value: value < 0, _A_STEP),
    ("label_smoothing_factor", lambda value: not 0 <= value < 1, "give a share from 0 to below 1"),
    ("seed", lambda value: not 0 <= value < 2**32, "give a whole number from 0 to 4294967295"),
    (
        "neftune_noise_alpha",
        lambda value: value is not None and not value > 0,
        "give a number above 0, or leave it out",
    ),
    (
        "torch_compile_mode",
        lambda value: value not in (None, *_COMPILE_MODES),
        f"choose one of {', '.join(_COMPILE_MODES)}",
    ),
    ("prediction_loss_only", bool, "the figures need the predictions; leave it out"),
    ("batch_eval_metrics", bool, "the figures are of the whole split; leave it out"),
    ("eval_do_concat_batches", lambda value: not value, "the figures are of the whole split; leave it out"),
    ("label_names", lambda value: value not in (None, ["labels"]), "the label is called labels here; leave it out"),
)

# Where transformers says something else of what is done here.
_HELP: Mapping[str, str] = {
    "resume_from_checkpoint": "Folder of the checkpoint to go on from, of this very training; `last`: the last whole "
    "one of --output_dir."
}

_DESCRIPTION = """Fine-tune a base model and write an artifact. With --output alone, it is the recipe of the card
bert-finetuned-emotion. After the options of its own come those of transformers.TrainingArguments, all of them."""


def parse(argv: Sequence[str]) -> tuple[TrainOptions, TrainingArguments]:
    """Reads the command line of `emotion-trainer train`.

    Raises:
        UserError: if options contradict each other.
        SystemExit: with 2, as argparse does, on an unknown option or value.
    """
    types: Any = (TrainOptions, TrainingArguments)
    usage = "emotion-trainer train --output OUTPUT [options]"
    parser = HfArgumentParser(
        types, prog="emotion-trainer train", usage=usage, description=_DESCRIPTION, allow_abbrev=False
    )
    # Without a GPU there is nothing to pin memory for, and torch warns of it.
    parser.set_defaults(**CARD, **_OURS, dataloader_pin_memory=torch.cuda.is_available())
    for action in parser._actions:
        action.help = _HELP.get(action.dest, action.help)
    values = vars(parser.parse_args(argv))
    values["output_dir"] = values["output_dir"] or f"{values['output'].rstrip('/')}-checkpoints"
    try:
        options, arguments = parser.parse_dict(values)
    except json.JSONDecodeError as error:
        broken = [name for name, value in values.items() if value == error.doc]
        raise UserError(f"--{', --'.join(broken) or 'train'}: no JSON: {first_line(error)}") from error
    except (ImportError, TypeError, ValueError) as error:
        raise UserError(f"train: {first_line(error)}") from error
    _check(options, arguments)
    return options, arguments


def _check(options: TrainOptions, arguments: TrainingArguments) -> None:
    if (options.train_file is None) != (options.validation_file is None):
        raise UserError("--train-file and --validation-file go together; give both or neither")
    for name in ("name", "base_model_name"):
        if (value := getattr(options, name)) is not None and not value.strip():
            raise UserError(f"--{name}: blank; give a name, or leave it out")
    if options.class_weights and options.resample:
        raise UserError("--class-weights and --resample: both are for labels that hardly occur; give one of them")
    options.augmentation, options.columns  # noqa: B018 - they raise what is wrong with them
    metric = (arguments.metric_for_best_model or "loss").removeprefix("eval_")
    if metric not in METRICS:
        raise UserError(f"--metric_for_best_model {metric}: not measured; choose one of {', '.join(METRICS)}")
    if options.misspellings < 0:
        raise UserError(f"--misspellings {options.misspellings}: give 0 or more")
    if options.early_stopping_patience is not None:
        if options.early_stopping_patience < 1:
            raise UserError(f"--early-stopping-patience {options.early_stopping_patience}: give 1 or more evaluations")
        if not arguments.load_best_model_at_end:
            raise UserError("--early-stopping-patience: needs --load_best_model_at_end, to know and keep the best")
    for name, is_refused, reason in _REFUSED:
        value = getattr(arguments, name)
        if is_refused(value):
            raise UserError(f"--{name} {value}: {reason}")
