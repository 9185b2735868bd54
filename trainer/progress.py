"""What a person sees of a training: a bar with the loss of each step, and a line of figures for each evaluation."""

from typing import Any

from transformers import ProgressCallback, Trainer, TrainerControl, TrainerState, TrainingArguments


class Progress(ProgressCallback):
    """Shows the loss of each step on the bar itself instead of on a line each, and evaluations as a table."""

    def __init__(self) -> None:
        super().__init__()
        self._losses: list[float] = []
        self._lines = 0

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the signature is transformers'
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: dict[str, Any] | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Takes the loss of a step, or the figures of an evaluation."""
        bar: Any = self.training_bar
        if bar is None or logs is None:  # another process than the first, or after the training
            return
        if "loss" in logs:
            self._losses.append(logs["loss"])
            bar.set_postfix(loss=f"{logs['loss']:.4f}", refresh=False)
        elif "eval_loss" in logs:
            if self._lines == 0:
                bar.write("epoch    step  training loss  validation loss  accuracy  macro-F1")
            bar.write(self._line(state, logs))
            self._lines += 1

    def _line(self, state: TrainerState, logs: dict[str, Any]) -> str:
        """Returns the figures, with the mean of the training losses logged since the evaluation before."""
        training = f"{sum(self._losses) / len(self._losses):13.4f}" if self._losses else f"{'–':>13}"
        self._losses.clear()
        return (
            f"{state.epoch or 0:5.2f}  {state.global_step:6}  {training}  {logs['eval_loss']:15.4f}"
            f"  {logs['eval_accuracy']:8.4f}  {logs['eval_macro_f1']:8.4f}"
        )


def show_progress(trainer: Trainer) -> None:
    """Replaces the trainer's own progress bar, if it has one, by ours."""
    if trainer.pop_callback(ProgressCallback) is not None:
        trainer.add_callback(Progress())
