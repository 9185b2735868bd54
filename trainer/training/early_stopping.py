"""Early stopping that a resume does not set back."""

from typing import Any

from transformers import EarlyStoppingCallback, TrainerControl, TrainerState, TrainingArguments


# Renamed, it would find no count in earlier checkpoints: they hold it under the name of the class.
class Patience(EarlyStoppingCallback):
    """Stops after so many evaluations without a better one, counting on from where a checkpoint was written.

    transformers' own begins to count anew, so a resumed training would end later than an uninterrupted one; what it can
    restore instead (`restore_callback_states_from_checkpoint`) is the checkpoint's patience over the one given.
    """

    _was_over = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Takes the count of the checkpoint; one of a training without patience has none, and starts a new one."""
        super().on_train_begin(args, state, control, **kwargs)  # type: ignore[no-untyped-call]
        kept: Any = state.stateful_callbacks
        counted = kept.setdefault(type(self).__name__, self.state())["attributes"]
        self.early_stopping_patience_counter = counted["early_stopping_patience_counter"]
        self._was_over = self.early_stopping_patience_counter >= self.early_stopping_patience

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the signature is transformers'
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Ends a training that was over: one step is the least that a Trainer makes, and nothing is kept of it."""
        if self._was_over:
            control.should_training_stop = True
            control.should_evaluate = control.should_save = False

    on_epoch_end = on_step_end
