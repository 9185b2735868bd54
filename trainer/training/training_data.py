"""The data of a training: what is trained on and measured on, as the options name it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import TrainingArguments

from trainer.data.domains import Domain, load_domains
from trainer.data.label_checks import check_not_rare, texts_by_label, told_findings
from trainer.data.labels import label_flags, label_ids, label_names, label_shares, shares_of_flags
from trainer.data.several_labels import check_one_label_each, load_own
from trainer.data.sources import load_sources, merged
from trainer.data.splits import SCORES, Split, load_split, splits_in
from trainer.errors import UserError
from trainer.evaluation.confidence import LEAST_KEPT
from trainer.training.class_weights import class_weights
from trainer.training.options import TrainOptions


@dataclass(frozen=True)
class TrainingData:
    """What is trained on and measured on."""

    labels: list[str]
    """In id order."""
    train: Split
    """All sources of training data as one."""
    targets: list[Any]
    """Of the training texts: ids of shape [texts]; or shares, or scores each for itself, of shape [texts, labels]."""
    validation: Split
    validation_targets: list[Any]
    """The id of each text's label, of shape [texts]; of several 1 for each right one, else 0: [texts, labels]."""
    domains: list[Domain]
    """Further validation data."""
    class_weights: list[float] | None
    """What each label counts in the loss; None where all count 1."""
    balanced: list[int] | None
    """The label of each training text, if an epoch draws them so that all labels come equally often."""

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must agree in: the labels, and the digests of what is trained on and of the domains."""
        digests = {domain.name: domain.digest for domain in self.domains}
        further = {"further validation data": digests} if digests else {}
        return {"labels": self.labels, "training data": self.train.digest, **further}

    @property
    def shares(self) -> NDArray[Any]:
        """What each label has of each training text, of shape [texts, labels]; if several, a last one is none."""
        targets = np.array(self.targets)
        if self.train.several:
            return shares_of_flags(targets)
        return targets if targets.ndim == 2 else np.eye(len(self.labels))[targets]


def load_training_data(options: TrainOptions, arguments: TrainingArguments) -> TrainingData:
    """Loads all that a training needs of data; they are several labels a text if those of the training file are.

    Raises:
        UserError: if data cannot be used.
    """
    own, validation = _load_own_splits(options)
    several = own.several
    if arguments.process_index == 0:
        for line in told_findings([own, validation]):
            sys.stderr.write(f"emotion-trainer: {line}\n")
    labels = label_names(own, options.labels)
    splits = [own, *load_sources(options.datasets, arguments.seed, several=several)]
    train_split = merged(splits)
    is_changed = arguments.label_smoothing_factor > 0 or options.class_weights  # by the loss, which takes shares for it
    is_soft = is_changed or any(row.scores for row in train_split.rows)
    if not options.labels and not options.yes:
        # Before anything is of shape [texts, labels], which a label for each text would make huge.
        check_not_rare(own.source, texts_by_label(splits, labels))
    targets_of: Callable[[Split, list[str]], list[Any]]
    targets_of = label_flags if several else label_shares if is_soft else label_ids
    # Each on its own, because a number is an id in one source and a name in another.
    targets: list[Any] = [target for split in splits for target in targets_of(split, labels)]
    given = options.class_weights
    weights = class_weights(given, labels, np.array(targets), several=several) if given else None
    # Whole numbers: the loss smooths no others, and the figures are of labels that are right or not.
    right = np.array(label_flags(validation, labels), int).tolist() if several else label_ids(validation, labels)
    return TrainingData(
        labels,
        train_split,
        targets,
        validation,
        right,
        _load_domains(options, labels, several),
        weights,
        (np.argmax(targets, axis=1).tolist() if is_soft else targets) if options.resample else None,
    )


def _load_own_splits(options: TrainOptions) -> tuple[Split, Split]:
    """Loads the training and the validation split, checked for what they do not go together with."""
    if not options.train_file and len(splits_in(options.data, ("train", "validation"))) < 2:
        raise UserError(
            f"--data {options.data}: all in one, without splits; give --train-file and --validation-file instead"
        )
    columns = options.columns
    own = load_own(options.train_file or options.data, "train", columns._replace(scores=SCORES), options.config)
    if not own.several:
        check_one_label_each(own, options.labels)
    elif options.resample:
        raise UserError("--resample: its texts have several labels; give --class-weights instead, or leave it out")
    columns = columns._replace(several=own.several)
    return own, load_split(options.validation_file or options.data, "validation", columns, options.config)


def _load_domains(options: TrainOptions, labels: list[str], several: bool) -> list[Domain]:
    if several and options.validation_datasets:
        raise UserError(
            f"--validation_datasets {options.validation_datasets}: further domains are of texts with one label each; "
            "leave it out, and measure other texts with `emotion-trainer evaluate --data`"
        )
    domains = load_domains("--validation_datasets", options.validation_datasets, labels)
    for domain in domains:
        if 0 < len(domain.texts) < LEAST_KEPT:
            raise UserError(
                f"--validation_datasets {options.validation_datasets}, {domain.name}: {len(domain.texts)} texts with a "
                f"right label; give {LEAST_KEPT} or more, for temperature and threshold are fitted on them too"
            )
    return domains
