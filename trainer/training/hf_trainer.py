"""The transformers Trainer: set up with a loss, figures and progress bar of ours, and run."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from datasets import Dataset
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # that of the HTTP library in use
from safetensors import SafetensorError
from transformers import (
    DataCollatorWithPadding,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
)

from trainer.artifact.loading import names_of
from trainer.errors import UserError, first_line
from trainer.evaluation.metrics import metrics_of
from trainer.training.batch_order import EpochTeller, GroupingTrainer
from trainer.training.checkpoints import LAST
from trainer.training.early_stopping import Patience
from trainer.training.learning_curve import as_markdown, curve, write_curve
from trainer.training.loss import loss_of
from trainer.training.options import TrainOptions
from trainer.training.progress_bar import end_progress, show_progress
from trainer.training.recipe import is_card_recipe
from trainer.training.training_set import TrainingSet

# How torch reports a file that it cannot write, such as on a full disk.
_TORCH_WRITER = "inline_container"


def make_trainer(
    options: TrainOptions,
    arguments: TrainingArguments,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    train_set: TrainingSet,
    validation_set: Dataset,
    weights: Sequence[float] | None = None,
) -> GroupingTrainer:
    """Returns the Trainer of a model, with the loss, the figures and the progress bar of ours.

    Args:
        options: Of the training.
        arguments: Of the training.
        model: That is trained.
        tokenizer: Of the model.
        train_set: What it is trained on.
        validation_set: What it is measured on.
        weights: What each label counts in the loss, in id order; None where all count 1.

    Raises:
        UserError: if the arguments ask for what the device, the installation or the hub does not give.
    """
    batch_size = arguments.train_batch_size * arguments.world_size
    if arguments.dataloader_drop_last and len(train_set) < batch_size:
        raise UserError(f"--dataloader_drop_last: {len(train_set)} texts make no batch of {batch_size}; leave it out")
    patience = options.early_stopping_patience
    stopper = [] if patience is None else [Patience(patience)]
    try:
        with _without_word_of_smoothing():
            trainer = GroupingTrainer(
                model=model,
                args=arguments,
                train_dataset=train_set,
                eval_dataset=validation_set,
                data_collator=DataCollatorWithPadding(tokenizer),
                processing_class=tokenizer,
                compute_loss_func=loss_of(model.config.problem_type, arguments.label_smoothing_factor, weights),
                compute_metrics=lambda prediction: _epoch_metrics(prediction, names_of(model)),
                callbacks=[EpochTeller(train_set), *stopper],
            )
    except (HTTPError, ImportError, OSError, RuntimeError, ValueError) as error:
        raise UserError(_refusal(error, arguments)) from error
    show_progress(trainer)
    return trainer


@contextmanager
def _without_word_of_smoothing() -> Iterator[None]:
    """Keeps transformers from saying that labels of several are not smoothed: it smooths none, our loss does."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Label smoothing is not compatible")
        yield


def _refusal(error: Exception, arguments: TrainingArguments) -> str:
    """Returns what to say of an error: what device, installation or hub cannot do."""
    if arguments.push_to_hub and isinstance(error, HTTPError | OSError):
        return (
            f"--push_to_hub: the hub cannot be used: {first_line(error)}; check network, --hub_model_id and "
            "--hub_token, or leave it out"
        )
    return f"train: {first_line(error)}"


def fit(trainer: Trainer, checkpoint: str | None) -> None:
    """Trains, and leaves in the folder of the checkpoints the loss of every step and the curve.

    Args:
        trainer: As `make_trainer` gives it.
        checkpoint: Folder of the checkpoint to go on from; None to start anew.

    Raises:
        UserError: if what the arguments ask for is not installed or contradicts itself, if memory runs out or a file
            cannot be written, or if no step was made or the training diverged.
    """
    folder = Path(trainer.args.output_dir or "")
    try:
        trainer.train(resume_from_checkpoint=checkpoint)
        trainer.save_state()
        if trainer.state.global_step == 0:
            raise UserError("train: not a single step was made; give --num_train_epochs or --max_steps above 0")
        if trainer.is_world_process_zero():
            _tell_curve(trainer, folder)
    except (ImportError, TypeError, ValueError) as error:
        if trainer.lr_scheduler is not None:  # made last, before the first step
            raise
        raise UserError(f"train: {first_line(error)}") from error
    except torch.OutOfMemoryError as error:
        size = trainer.args.per_device_train_batch_size
        raise UserError(
            f"--per_device_train_batch_size {size}: the device's memory does not hold it; give less, and with "
            "--gradient_accumulation_steps the same again"
        ) from error
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and _TORCH_WRITER not in str(error):
            raise
        reason = "a file was cut short" if isinstance(error, RuntimeError) else first_line(error)
        raise UserError(
            f"--output_dir {folder}: cannot be written: {reason}; make room, then go on with "
            f"--resume_from_checkpoint {LAST}"
        ) from error
    finally:
        end_progress(trainer)


def _tell_curve(trainer: Trainer, folder: Path) -> None:
    """Writes the curve, and prints it where there is the card's to compare with."""
    rows = curve(trainer.state.log_history, is_card=is_card_recipe(trainer.args))
    write_curve(rows, folder)
    if any(row.card for row in rows):
        sys.stdout.write(as_markdown(rows))


def _epoch_metrics(prediction: EvalPrediction, names: list[str]) -> dict[str, float]:
    metrics = metrics_of(prediction, names)
    return {"accuracy": metrics.accuracy, "macro_f1": metrics.macro_f1}
