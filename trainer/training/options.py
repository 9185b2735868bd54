"""The options of `emotion-trainer train` that transformers.TrainingArguments does not have."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trainer.data.rows import Columns
from trainer.data.several_labels import columns_of_options
from trainer.errors import UserError
from trainer.preprocessing.augmentation import CHANGES, Augmentation


@dataclass
class TrainOptions:
    """Data, base model and artifact."""

    output: str = field(metadata={"help": "Folder of the artifact; checkpoints go beside it, see --output_dir."})
    model: str = field(default="google-bert/bert-base-cased", metadata={"help": "Base model: hub id or local folder."})
    base_model_name: str | None = field(
        default=None, metadata={"help": "Name of the base model in the manifest, instead of the local folder's name."}
    )
    layers: list[int] | None = field(
        default=None, metadata={"help": "Keep these layers of the base alone, from 0 on: 0 2 5. Fewer are faster."}
    )
    data: str = field(
        default="dair-ai/emotion",
        metadata={"help": "Hub data set, or folder or .zip with files for each split: train.csv and validation.csv."},
    )
    config: str | None = field(
        default=None, metadata={"help": "Config of the hub data set, or folder of it in --data, where it has several."}
    )
    train_file: str | None = field(
        default=None,
        metadata={"help": "Training file (.txt .csv .tsv .jsonl .json .parquet .arrow .gz .zip), instead of --data."},
    )
    validation_file: str | None = field(default=None, metadata={"help": "Validation file, with --train-file."})
    datasets: str | None = field(
        default=None,
        metadata={"help": "JSON file with a list of further training data, each with its own columns and label map."},
    )
    validation_datasets: str | None = field(
        default=None,
        metadata={
            "help": "JSON file with a list of further validation data, each a domain with a name: temperature and "
            "threshold are chosen for all, and each is reported."
        },
    )
    text_column: str = field(default="text", metadata={"help": "Name of the column of the text."})
    label_column: str = field(default="label", metadata={"help": "Name of the column of the label or its id."})
    label_separator: str | None = field(
        default=None, metadata={"help": "What parts the labels of a cell that holds several, as in joy,love."}
    )
    label_columns: list[str] | None = field(
        default=None,
        metadata={"help": "Columns of 0 and 1, one a label, instead of a column of labels: anger joy fear."},
    )
    labels: list[str] | None = field(
        default=None, metadata={"help": "Label names in id order, where the data holds ids or the order matters."}
    )
    yes: bool = field(default=False, metadata={"help": "Train even if most labels have hardly any texts."})
    class_weights: list[str] | None = field(
        default=None,
        metadata={
            "help": "What the texts of a label count in the loss: balanced, for all labels alike, or joy=2 anger=0.5."
        },
    )
    resample: Literal["balanced"] | None = field(
        default=None,
        metadata={"help": "balanced: each epoch draws texts so that all labels come equally often."},
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
    emoji_tokens: bool = field(
        default=False,
        metadata={"help": "Give emoji that carry a feeling, or are frequent, tokens of their own."},
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
    name: str | None = field(
        default=None, metadata={"help": "Name of the model, as its labels carry it; unset: the name of its folder."}
    )
    overwrite: bool = field(
        default=False, metadata={"help": "Replace an artifact that is in the place, and the checkpoints beside it."}
    )

    @property
    def model_name(self) -> str:
        """What the model's labels say that they are of."""
        return self.name or Path(self.output).resolve().name

    @property
    def columns(self) -> Columns:
        """The names of the columns; without separator and columns of 0 and 1 the data say whether a text has several.

        Raises:
            UserError: if the options contradict each other.
        """
        return columns_of_options(self.text_column, self.label_column, self.label_separator, self.label_columns)

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
