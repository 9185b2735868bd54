"""What a person sees of a training: a bar with the loss of each step, and a line of figures for each evaluation."""

from typing import Any

from transformers import ProgressCallback, Trainer, TrainerControl, TrainerState, TrainingArguments

from trainer.training.learning_curve import CurveRow, curve
from trainer.training.recipe import is_card_recipe


class Progress(ProgressCallback):
    """Shows the loss of each step on the bar itself instead of on a line each, and evaluations as a table."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002 - the signature is transformers'
        logs: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Takes the loss of a step, or the figures of an evaluation."""
        bar: Any = self.training_bar
        if bar is None or logs is None:  # another process than the first, or after the training
            return
        if "loss" in logs:
            bar.set_postfix(loss=f"{logs['loss']:.4f}", refresh=False)
        elif "eval_loss" in logs:
            rows = curve(state.log_history, is_card=is_card_recipe(args))
            if len(rows) == 1:
                bar.write("epoch    step  training loss  validation loss  accuracy  macro-F1")
            bar.write(_line(rows[-1]))


def _line(row: CurveRow) -> str:
    training = f"{'–':>13}" if row.training_loss is None else f"{row.training_loss:13.4f}"
    return (
        f"{row.epoch:5.2f}  {row.step:6}  {training}  {row.validation_loss:15.4f}"
        f"  {row.accuracy:8.4f}  {row.macro_f1:8.4f}"
    )


def end_progress(trainer: Trainer) -> None:
    """Closes the bar of a training that failed, so that what is printed next has a line of its own."""
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, Progress) and (bar := callback.training_bar) is not None:
            callback.training_bar = None
            bar.close()


def show_progress(trainer: Trainer) -> None:
    """Replaces the trainer's own progress bar, if it has one, by ours."""
    if trainer.pop_callback(ProgressCallback) is not None:
        trainer.add_callback(Progress())
