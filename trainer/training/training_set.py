"""What the model is trained on: tokenized once, and again where a text is changed for this epoch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import datasets
import torch
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerFast

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
        balanced: Sequence[int] | None = None,
    ) -> None:
        """Tokenizes the texts as they are.

        Args:
            tokenizer: Of the model.
            rows: The texts.
            targets: Ids of shape [rows]; or shares of shape [rows, labels], or scores of each label for itself.
            augmentation: What an epoch changes.
            seed: Of the changes.
            balanced: The label of each row, if an epoch draws rows so that all labels come equally often.
        """
        self._tokenizer = tokenizer
        self._rows = rows
        self.balanced = balanced
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


def tokenized(tokenizer: PreTrainedTokenizerFast, texts: list[str], targets: Sequence[Any]) -> datasets.Dataset:
    """Returns the data set that the Trainer measures the model on: texts cut to the model's length, not padded."""
    return datasets.Dataset.from_dict({**tokenizer(texts, truncation=True), "labels": list(targets)})
