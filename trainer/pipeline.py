"""The training: from labelled texts and a base model to an artifact."""

import importlib.metadata
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from safetensors import SafetensorError
from transformers import (
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    TrainingArguments,
    set_seed,
)

from schemas.manifest import DataSource, ModelManifest
from trainer.artifact.hub import push
from trainer.artifact.loading import lacking_weights
from trainer.artifact.writing import check_output, write_artifact
from trainer.data.labels import label_ids, label_names, label_shares
from trainer.data.rows import Columns
from trainer.data.sources import load_sources, merged
from trainer.data.splits import SCORES, Split, load_split
from trainer.errors import UserError, first_line
from trainer.evaluation.assessment import calibrate_and_measure
from trainer.preprocessing.misspellings import add_misspellings, copy_rows, known_misspellings
from trainer.preprocessing.tokenizer import lower_cased_tokenizer
from trainer.report.model_report import Run, write_report
from trainer.training.checkpoints import checkpoint_to_resume, claim
from trainer.training.hf_trainer import fit, make_trainer
from trainer.training.options import TrainOptions
from trainer.training.training_set import TrainingSet, tokenized

# The TrainingArguments that make the weights what they are; the others are about logging, saving and machines.
_HYPER_PARAMETERS = (
    "learning_rate",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "num_train_epochs",
    "max_steps",
    "lr_scheduler_type",
    "warmup_steps",
    "optim",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "weight_decay",
    "max_grad_norm",
    "label_smoothing_factor",
    "seed",
    "bf16",
    "fp16",
    "train_sampling_strategy",
    "load_best_model_at_end",
    "metric_for_best_model",
)
# The same, but told only where they are given.
_RARE_HYPER_PARAMETERS = (
    "lr_scheduler_kwargs",
    "optim_args",
    "data_seed",
    "neftune_noise_alpha",
    "dataloader_drop_last",
)


def train(options: TrainOptions, arguments: TrainingArguments) -> ModelManifest | None:
    """Fine-tunes the base model and writes the artifact.

    Returns:
        The artifact's manifest; None in a process that is not the first of a distributed run, which writes nothing.

    Raises:
        UserError: if data, base model or output cannot be used.
    """
    output = Path(options.output)
    check_output(output, overwrite=options.overwrite)
    train_split, validation_split = _load_splits(options)
    names = label_names(train_split, options.labels)
    train_splits = [train_split, *load_sources(options.datasets, arguments.seed)]
    train_split = merged(train_splits)
    is_soft = arguments.label_smoothing_factor > 0 or any(row.scores for row in train_split.rows)
    targets_of: Callable[[Split, list[str]], list[Any]] = label_shares if is_soft else label_ids
    # Each on its own, because a number is an id in one source and a name in another.
    targets = [target for split in train_splits for target in targets_of(split, names)]
    validation_ids = label_ids(validation_split, names)

    set_seed(arguments.seed)  # the classifier's head starts from random weights
    model = _load_base(options.model, names)
    tokenizer = lower_cased_tokenizer(options.model, model, options.drop_links_and_names)
    misspellings = known_misspellings(model, tokenizer)
    if (more := options.misspellings - len(misspellings)) > 0:
        shares = np.array(targets if is_soft else np.eye(len(names))[targets])
        tokenizer, added = add_misspellings(model, tokenizer, train_split.texts, shares, more)
        misspellings |= added
    if misspellings and arguments.process_index == 0:
        words = len(set(misspellings.values()))
        sys.stderr.write(
            f"emotion-trainer: {len(misspellings)} misspellings of {words} words have tokens of their own\n"
        )
    checkpoint = checkpoint_to_resume(arguments, model)
    train_set = TrainingSet(
        tokenizer, train_split.rows, targets, augmentation=options.augmentation, seed=arguments.seed
    )
    validation_set = tokenized(tokenizer, validation_split.texts, validation_ids)
    trainer = make_trainer(options, arguments, model, tokenizer, train_set, validation_set)
    recipe = _recipe(options, arguments)
    whole = {"base model": _base_name(options), "labels": names, "training data": train_split.digest}
    whole |= recipe | {"processes": arguments.world_size}
    claim(arguments, whole, checkpoint, overwrite=options.overwrite)  # last: what was refused until now left nothing
    fit(trainer, checkpoint)
    if not trainer.is_world_process_zero():
        return None

    # Mixed precision ends with the training: what is measured is what is stored.
    model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    if misspellings:
        copy_rows(model, tokenizer, misspellings)
    measured, assessment = calibrate_and_measure(model, tokenizer, validation_split.texts, validation_ids)
    description = _description(options, tokenizer, train_split, validation_split)
    description |= {"labels": names, "recipe": recipe, **measured}
    splits = {"train": train_split, "validation": validation_split}
    run = Run(
        assessment,
        splits,
        trainer.state.log_history,
        on_gpu=arguments.device.type == "cuda",
        is_resumed=checkpoint is not None,
        processes=arguments.world_size,
    )
    report = partial(write_report, run=run)
    manifest = write_artifact(output, model, tokenizer, description, report, overwrite=options.overwrite)
    if arguments.push_to_hub and trainer.hub_model_id is not None:
        push(output, trainer.hub_model_id, arguments.hub_revision, arguments.hub_token, message=manifest.revision)
    return manifest


def _load_splits(options: TrainOptions) -> tuple[Split, Split]:
    columns = Columns(options.text_column, options.label_column)
    return (
        load_split(options.train_file or options.data, "train", columns._replace(scores=SCORES)),
        load_split(options.validation_file or options.data, "validation", columns),
    )


def _load_base(base: str, names: list[str]) -> PreTrainedModel:
    """Loads the base model in float32 with a new head for the labels.

    Raises:
        UserError: if it cannot be loaded, or if its folder lacks weights below the head.
    """
    model: PreTrainedModel
    try:
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            base,
            dtype="float32",
            output_loading_info=True,
            id2label=dict(enumerate(names)),
            label2id={name: index for index, name in enumerate(names)},
            problem_type="single_label_classification",
            ignore_mismatched_sizes=True,  # a base with a head for other labels gets a new one
        )
    except (OSError, ValueError, RuntimeError, UnpicklingError, SafetensorError) as error:
        raise UserError(
            f"--model {base}: cannot be loaded: {first_line(error)}; check name and network, or give a local folder"
        ) from error
    below_head = f"{model.base_model_prefix}."
    # Many encoders come without a pooler.
    if below := [name for name in lacking_weights(loading) if name.startswith(below_head) and "pooler" not in name]:
        raise UserError(
            f"--model {base}: has no weights, or some of another shape, for {below[0]} and {len(below) - 1} more; "
            "its config.json and its weights belong to different models"
        )
    return model


def _description(
    options: TrainOptions,
    tokenizer: PreTrainedTokenizerFast,
    train_split: Split,
    validation_split: Split,
) -> dict[str, Any]:
    """Returns the manifest's fields that do not depend on how the training went."""
    return {
        "name": options.name,
        "base_model": _base_name(options),
        "max_tokens": tokenizer.model_max_length,
        "lower_case": True,
        "trained_at": datetime.now(UTC).replace(microsecond=0),
        "data": DataSource(
            train=train_split.source,
            train_rows=len(train_split.rows),
            validation=validation_split.source,
            validation_rows=len(validation_split.rows),
        ),
        "versions": {
            name: importlib.metadata.version(name) for name in ("transformers", "torch", "datasets", "tokenizers")
        },
    }


def _recipe(options: TrainOptions, arguments: TrainingArguments) -> dict[str, Any]:
    """Returns the options that make the weights what they are, as JSON has them."""
    values = {name: getattr(arguments, name) for name in _HYPER_PARAMETERS}
    given = {name: getattr(arguments, name) for name in _RARE_HYPER_PARAMETERS}
    values |= {name: value for name, value in given.items() if value is not None and value is not False and value != {}}
    recipe = {name: getattr(value, "value", value) for name, value in values.items()}  # enumerations by value
    recipe |= {"drop_links_and_names": options.drop_links_and_names, "augment": options.augment}
    if options.augment:
        recipe |= {
            "augment_most": options.augment_most,
            "augment_kinds": " ".join(options.augment_kinds) or None,
        }
    if options.misspellings:
        recipe["misspellings"] = options.misspellings
    if options.early_stopping_patience is not None:
        recipe["early_stopping_patience"] = options.early_stopping_patience
    return recipe


def _base_name(options: TrainOptions) -> str:
    """Returns the name of the base model without any folder of this machine."""
    folder = Path(options.model)
    return options.base_model_name or (folder.resolve().name if folder.is_dir() else options.model)
