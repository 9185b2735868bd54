"""The order of batches: of texts of like length, and the same after a resume."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import get_length_grouped_indices

from trainer.training.checkpoints import WholeCheckpoints
from trainer.training.training_set import TrainingSet


class EpochRows(Sampler[int]):
    """The rows of an epoch in random order, which depends on seed and epoch alone.

    They are all rows, or as many drawn so that all labels come equally often; batches may be of like length.
    transformers' own sampler draws from the global generator: a training resumed within an epoch sees another order.
    The epoch is the data set's, since accelerate tells samplers of it in one process alone.
    """

    def __init__(self, dataset: TrainingSet, batch_size: int | None, seed: int) -> None:
        """Takes what decides the order.

        Args:
            dataset: Of the training.
            batch_size: How many rows are to be of like length; None for any.
            seed: Of the order.
        """
        self._dataset = dataset
        self._batch_size = batch_size
        self._seed = seed

    def __len__(self) -> int:
        return len(self._dataset)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed + self._dataset.epoch)
        balanced = self._dataset.balanced
        rows = list(range(len(self))) if balanced is None else _balanced(balanced, generator)
        if self._batch_size is None:
            order = torch.randperm(len(rows), generator=generator).tolist()
        else:
            lengths = [self._dataset.lengths[row] for row in rows]
            order = get_length_grouped_indices(  # type: ignore[no-untyped-call]
                lengths, self._batch_size, generator=generator
            )
        return iter([rows[index] for index in order])


def _balanced(labels: Sequence[int], generator: torch.Generator) -> list[int]:
    """Returns as many rows as there are, equally many of each label; no row twice before its label's others once."""
    rows_of: dict[int, list[int]] = {label: [] for label in sorted(set(labels))}
    for row, label in enumerate(labels):
        rows_of[label].append(row)
    drawn = []
    for place, rows in enumerate(rows_of.values()):
        wanted = len(labels) // len(rows_of) + (place < len(labels) % len(rows_of))
        part = torch.randperm(len(rows), generator=generator)[: wanted % len(rows)]
        drawn += rows * (wanted // len(rows)) + [rows[index] for index in part.tolist()]
    return drawn


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
    """A Trainer whose batches of like length, or balanced labels, come in the same order after a resume."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """Returns the sampler of a training set."""
        dataset: Any = self.train_dataset
        is_grouped = self.args.train_sampling_strategy == "group_by_length"
        if not is_grouped and dataset.balanced is None:
            return super()._get_train_sampler(train_dataset)
        batch_size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return EpochRows(dataset, batch_size if is_grouped else None, self.args.seed)
