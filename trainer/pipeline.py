"""The whole way from labelled texts and a base model to an artifact."""

import importlib.metadata
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerFast, Trainer, TrainingArguments, set_seed

from schemas.manifest import DataSource, ModelManifest
from trainer.artifact.hub import push
from trainer.artifact.writing import check_output, write_artifact
from trainer.data.domains import Domain, load_domains
from trainer.data.labels import label_ids, label_names, label_shares
from trainer.data.rows import Columns
from trainer.data.sources import load_sources, merged
from trainer.data.splits import SCORES, Split, load_split
from trainer.errors import UserError
from trainer.evaluation.confidence import LEAST_KEPT
from trainer.evaluation.fitting import calibrate_and_measure
from trainer.preprocessing.emoji import add_emoji
from trainer.preprocessing.misspellings import add_misspellings, copy_rows, known_misspellings
from trainer.preprocessing.tokenizer import lower_cased_tokenizer
from trainer.report.model_report import Run, write_report
from trainer.training.base_model import base_model_name, load_base_model
from trainer.training.checkpoints import checkpoint_to_resume, claim
from trainer.training.hf_trainer import fit, make_trainer
from trainer.training.options import TrainOptions
from trainer.training.recipe import recipe_of
from trainer.training.training_set import TrainingSet, tokenized


@dataclass(frozen=True)
class _Data:
    """What is trained on and measured on."""

    labels: list[str]
    """In id order."""
    train: Split
    """All sources of training data as one."""
    targets: list[Any]
    """Of the training texts: ids of shape [texts], or shares of shape [texts, labels]."""
    is_soft: bool
    """Whether the targets are shares."""
    validation: Split
    validation_ids: list[int]
    """The right label of each text."""
    domains: list[Domain]
    """Further validation data."""

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint must agree in: the labels, and the digests of what is trained on and of the domains."""
        digests = {domain.name: domain.digest for domain in self.domains}
        further = {"further validation data": digests} if digests else {}
        return {"labels": self.labels, "training data": self.train.digest, **further}


def train(options: TrainOptions, arguments: TrainingArguments) -> ModelManifest | None:
    """Fine-tunes the base model and writes the artifact.

    Returns:
        The artifact's manifest; None in a process that is not the first of a distributed run, which writes nothing.

    Raises:
        UserError: if data, base model or output cannot be used.
    """
    check_output(Path(options.output), overwrite=options.overwrite)
    data = _load_data(options, arguments)
    set_seed(arguments.seed)  # the classifier's head starts from random weights
    model = load_base_model(options.model, data.labels, options.layers)
    tokenizer, misspellings = _tokenizer(options, arguments, data, model)
    checkpoint = checkpoint_to_resume(arguments, model)
    train_set = TrainingSet(
        tokenizer, data.train.rows, data.targets, augmentation=options.augmentation, seed=arguments.seed
    )
    validation_set = tokenized(tokenizer, data.validation.texts, data.validation_ids)
    trainer = make_trainer(options, arguments, model, tokenizer, train_set, validation_set)
    recipe = recipe_of(options, arguments)
    whole = {"base model": base_model_name(options)} | data.identity | recipe | {"processes": arguments.world_size}
    claim(arguments, whole, checkpoint, overwrite=options.overwrite)  # last: what was refused until now left nothing
    fit(trainer, checkpoint)
    if not trainer.is_world_process_zero():
        return None
    # Mixed precision ends with the training: what is measured is what is stored.
    model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    if misspellings:
        copy_rows(model, tokenizer, misspellings)
    return _measure_and_write(options, data, recipe, model, tokenizer, trainer, is_resumed=checkpoint is not None)


def _load_data(options: TrainOptions, arguments: TrainingArguments) -> _Data:
    columns = Columns(options.text_column, options.label_column)
    own = load_split(options.train_file or options.data, "train", columns._replace(scores=SCORES))
    validation = load_split(options.validation_file or options.data, "validation", columns)
    labels = label_names(own, options.labels)
    splits = [own, *load_sources(options.datasets, arguments.seed)]
    train_split = merged(splits)
    is_soft = arguments.label_smoothing_factor > 0 or any(row.scores for row in train_split.rows)
    targets_of: Callable[[Split, list[str]], list[Any]] = label_shares if is_soft else label_ids
    # Each on its own, because a number is an id in one source and a name in another.
    targets = [target for split in splits for target in targets_of(split, labels)]
    domains = _load_domains(options, labels)
    return _Data(labels, train_split, targets, is_soft, validation, label_ids(validation, labels), domains)


def _load_domains(options: TrainOptions, labels: list[str]) -> list[Domain]:
    domains = load_domains("--validation_datasets", options.validation_datasets, labels)
    for domain in domains:
        if 0 < len(domain.texts) < LEAST_KEPT:
            raise UserError(
                f"--validation_datasets {options.validation_datasets}, {domain.name}: {len(domain.texts)} texts with a "
                f"right label; give {LEAST_KEPT} or more, for temperature and threshold are fitted on them too"
            )
    return domains


def _tokenizer(
    options: TrainOptions, arguments: TrainingArguments, data: _Data, model: PreTrainedModel
) -> tuple[PreTrainedTokenizerFast, dict[str, str]]:
    """Returns the tokenizer, and the misspellings that it knows, each with its word; the model gets their rows."""
    tokenizer = lower_cased_tokenizer(options.model, model, options.drop_links_and_names)
    if options.emoji_tokens:
        tokenizer = add_emoji(model, tokenizer)
    misspellings = known_misspellings(model, tokenizer)
    if (more := options.misspellings - len(misspellings)) > 0:
        shares = np.array(data.targets if data.is_soft else np.eye(len(data.labels))[data.targets])
        tokenizer, added = add_misspellings(model, tokenizer, data.train.texts, shares, more)
        misspellings |= added
    if misspellings and arguments.process_index == 0:
        words = len(set(misspellings.values()))
        sys.stderr.write(
            f"emotion-trainer: {len(misspellings)} misspellings of {words} words have tokens of their own\n"
        )
    return tokenizer, misspellings


def _measure_and_write(
    options: TrainOptions,
    data: _Data,
    recipe: dict[str, Any],
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    trainer: Trainer,
    *,
    is_resumed: bool,
) -> ModelManifest:
    """Calibrates and measures the trained model, writes the artifact, and pushes it if that was asked for."""
    output, arguments = Path(options.output), trainer.args
    measured, assessment = calibrate_and_measure(
        model, tokenizer, data.validation.texts, data.validation_ids, data.domains
    )
    description = _description(options, data, recipe, tokenizer.model_max_length) | measured
    run = Run(
        assessment,
        {"train": data.train, "validation": data.validation},
        trainer.state.log_history,
        on_gpu=arguments.device.type == "cuda",
        is_resumed=is_resumed,
        processes=arguments.world_size,
    )
    report = partial(write_report, run=run)
    manifest = write_artifact(output, model, tokenizer, description, report, overwrite=options.overwrite)
    if arguments.push_to_hub and trainer.hub_model_id is not None:
        push(output, trainer.hub_model_id, arguments.hub_revision, arguments.hub_token, message=manifest.revision)
    return manifest


def _description(options: TrainOptions, data: _Data, recipe: dict[str, Any], max_tokens: int) -> dict[str, Any]:
    """Returns the manifest's fields that do not depend on how the training went."""
    return {
        "name": options.name,
        "base_model": base_model_name(options),
        "labels": data.labels,
        "max_tokens": max_tokens,
        "lower_case": True,
        "trained_at": datetime.now(UTC).replace(microsecond=0),
        "data": DataSource(
            train=data.train.source,
            train_rows=len(data.train.rows),
            validation=data.validation.source,
            validation_rows=len(data.validation.rows),
        ),
        "recipe": recipe,
        "versions": {
            name: importlib.metadata.version(name) for name in ("transformers", "torch", "datasets", "tokenizers")
        },
    }
