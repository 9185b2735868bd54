"""What `emotion-trainer train` can be told: options of its own, and every field of TrainingArguments."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import HfArgumentParser, TrainingArguments

from trainer.errors import UserError, first_line
from trainer.preprocessing.augmentation import CHANGES, Augmentation


@dataclass
class TrainOptions:
    """Data, base model and artifact."""

    output: str = field(metadata={"help": "Folder of the artifact; checkpoints go beside it, see --output_dir."})
    model: str = field(default="google-bert/bert-base-cased", metadata={"help": "Base model: hub id or local folder."})
    base_model_name: str | None = field(
        default=None, metadata={"help": "Name of the base model in the manifest, instead of the local folder's name."}
    )
    data: str = field(
        default="dair-ai/emotion",
        metadata={"help": "Hub data set, or folder with one file for each split: train.csv and validation.csv."},
    )
    train_file: str | None = field(
        default=None, metadata={"help": "Training file (.txt .csv .tsv .jsonl .json .parquet), instead of --data."}
    )
    validation_file: str | None = field(default=None, metadata={"help": "Validation file, with --train-file."})
    datasets: str | None = field(
        default=None,
        metadata={"help": "JSON file with a list of further training data, each with its own columns and label map."},
    )
    text_column: str = field(default="text", metadata={"help": "Name of the column of the text."})
    label_column: str = field(default="label", metadata={"help": "Name of the column of the label or its id."})
    labels: list[str] | None = field(
        default=None, metadata={"help": "Label names in id order, where the data holds ids or the order matters."}
    )
    augment: float = field(
        default=0.0,
        metadata={"help": "Share of the training texts, 0 to 1, that each epoch changes as real messages differ."},
    )
    augment_most: int = field(
        default=Augmentation.most, metadata={"help": "A text that is changed gets one to so many changes."}
    )
    augment_kinds: list[str] = field(
        default_factory=list,
        metadata={
            "help": f"How often each kind of change is drawn: typo=4 url=2 emoji=0; else 1. {', '.join(CHANGES)}."
        },
    )
    drop_links_and_names: bool = field(
        default=False,
        metadata={
            "help": "Let the tokenizer leave out links and @names: they carry no emotion, so they change no label."
        },
    )
    misspellings: int = field(
        default=0,
        metadata={
            "help": "How many misspellings of the most telling English words get tokens of their own; 0 for none, 4000 "
            "is a good start."
        },
    )
    early_stopping_patience: int | None = field(
        default=None,
        metadata={"help": "Stop after this many evaluations without a better one; needs --load_best_model_at_end."},
    )
    name: str = field(default="bert-finetuned-emotion", metadata={"help": "Name of the model, as its labels carry it."})
    overwrite: bool = field(
        default=False, metadata={"help": "Replace an artifact that is in the place, and the checkpoints beside it."}
    )

    @property
    def augmentation(self) -> Augmentation:
        """What the three options of augmentation say.

        Raises:
            UserError: if one of them cannot be.
        """
        if not 0 <= self.augment <= 1:
            raise UserError(f"--augment {self.augment:g}: no share; give a number from 0 to 1")
        if self.augment_most < 1:
            raise UserError(f"--augment-most {self.augment_most}: give 1 or more")
        weights = {}
        for given in self.augment_kinds:
            kind, _, weight = given.partition("=")
            if kind not in CHANGES or not re.fullmatch(r"\d+(\.\d+)?", weight):
                kinds = ", ".join(CHANGES)
                raise UserError(f"--augment-kinds {given}: give a kind and its weight, such as typo=4; kinds: {kinds}")
            weights[kind] = float(weight)
        if all(weights.get(kind, 1) == 0 for kind in CHANGES):
            raise UserError("--augment-kinds: all weights are 0; leave out --augment, or give one kind more")
        return Augmentation(self.augment, self.augment_most, weights)


# The recipe of the card `bert-finetuned-emotion`. Its Adam is AdamW without weight decay.
CARD: Mapping[str, Any] = {
    "num_train_epochs": 3,
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 8,
    "learning_rate": 5e-5,
    "lr_scheduler_type": "linear",
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "weight_decay": 0,
    "seed": 42,
}

# What the card leaves open is as transformers has it, but for these.
_OURS: Mapping[str, Any] = {
    "eval_strategy": "epoch",
    "save_strategy": "epoch",
    "logging_steps": 1,
    "hub_strategy": "end",
}

METRICS = ("loss", "accuracy", "macro_f1")
"""What an evaluation measures, and a best checkpoint can be chosen by."""

# What would fail in the middle of a training, or measure nothing, with the reason.
_REFUSED: Sequence[tuple[str, Callable[[Any], bool], str]] = (
    ("per_device_train_batch_size", lambda value: value < 1, "give 1 or more"),
    ("per_device_eval_batch_size", lambda value: value < 1, "give 1 or more"),
    ("gradient_accumulation_steps", lambda value: value < 1, "give 1 or more"),
    ("label_smoothing_factor", lambda value: not 0 <= value < 1, "give a share from 0 to below 1"),
    ("seed", lambda value: not 0 <= value < 2**32, "give a whole number from 0 to 4294967295"),
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
    except (ImportError, ValueError) as error:
        raise UserError(f"train: {first_line(error)}") from error
    _check(options, arguments)
    return options, arguments


def _check(options: TrainOptions, arguments: TrainingArguments) -> None:
    if (options.train_file is None) != (options.validation_file is None):
        raise UserError("--train-file and --validation-file go together; give both or neither")
    for name in ("name", "base_model_name"):
        if (value := getattr(options, name)) is not None and not value.strip():
            raise UserError(f"--{name}: blank; give a name, or leave it out")
    options.augmentation  # noqa: B018 - raises what is wrong with it
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
