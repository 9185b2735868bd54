"""The order of batches: of texts of like length, and the same after a resume."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import get_length_grouped_indices

from trainer.training.checkpoints import WholeCheckpoints
from trainer.training.training_set import TrainingSet


class LengthGroups(Sampler[int]):
    """Batches of like length in random order, which depends on seed and epoch alone.

    transformers' own sampler draws from the global generator: a training resumed within an epoch sees another order.
    The epoch is the data set's, since accelerate tells samplers of it in one process alone.
    """

    def __init__(self, dataset: TrainingSet, batch_size: int, seed: int) -> None:
        self._dataset = dataset
        self._batch_size = batch_size
        self._seed = seed

    def __len__(self) -> int:
        return len(self._dataset)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed + self._dataset.epoch)
        indices: list[int] = get_length_grouped_indices(  # type: ignore[no-untyped-call]
            self._dataset.lengths, self._batch_size, generator=generator
        )
        return iter(indices)


class EpochTeller(TrainerCallback):
    """Tells a training set which epoch begins: accelerate does so in one process alone, and not after a resume."""

    def __init__(self, dataset: TrainingSet) -> None:
        self._dataset = dataset

    def on_epoch_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002 - the signature is transformers'
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Takes the epoch from the state, which counts parts of epochs as well."""
        self._dataset.begin_epoch(int(state.epoch or 0))


class GroupingTrainer(WholeCheckpoints):
    """A Trainer whose batches of like length come in the same order after a resume."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """Returns the sampler of a training set."""
        dataset: Any = self.train_dataset
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        batch_size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGroups(dataset, batch_size, self.args.seed)
