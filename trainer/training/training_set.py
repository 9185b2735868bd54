"""What the model is trained on: tokenized once, and again where a text is changed for this epoch."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import Dataset, Sampler
from transformers import (
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_pt_utils import get_length_grouped_indices

from trainer.data.rows import Row
from trainer.preprocessing.augmentation import Augmentation


class TrainingSet(Dataset[dict[str, Any]]):
    """Texts cut to the model's length, not padded, with their targets.

    What a row is in an epoch depends on seed, epoch and row alone, so a resumed training sees what an uninterrupted one
    sees, in any number of processes.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        rows: Sequence[Row],
        targets: Sequence[int] | Sequence[Sequence[float]],
        *,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        """Tokenizes the texts as they are.

        Args:
            tokenizer: Of the model.
            rows: The texts.
            targets: Ids of shape [rows], or shares of shape [rows, labels].
            augmentation: What an epoch changes.
            seed: Of the changes.
        """
        self._tokenizer = tokenizer
        self._rows = rows
        self._targets = targets
        words = (word.lower() for row in rows for word in row.text.split()) if augmentation.share else ()
        self._augmentation = replace(augmentation, counts=Counter(words))
        self._seed = seed
        self._epoch: Any = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]  # loader processes may outlive an epoch
        self._encoded: Any = tokenizer([row.text for row in rows], truncation=True)
        self.lengths = [len(ids) for ids in self._encoded["input_ids"]]
        """Tokens of each text before changes."""

    def begin_epoch(self, epoch: int) -> None:
        """Takes the number of the epoch that begins, from 0."""
        self._epoch.fill_(epoch)

    @property
    def epoch(self) -> int:
        """The number of the epoch, from 0."""
        return int(self._epoch.item())

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Returns the model's inputs for one row of this epoch, and its target as `labels`."""
        row = self._rows[index]
        text = row.text
        if self._augmentation.share and row.augment:
            text = self._augmentation(text, key=f"{self._seed} {self.epoch} {index}")
        if text == row.text:
            inputs = {name: values[index] for name, values in self._encoded.items()}
        else:
            inputs = dict(self._tokenizer(text, truncation=True))
        return {**inputs, "labels": self._targets[index]}


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


class GroupingTrainer(Trainer):
    """A Trainer whose batches of like length come in the same order after a resume."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """Returns the sampler of a training set."""
        dataset: Any = self.train_dataset
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        batch_size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGroups(dataset, batch_size, self.args.seed)
