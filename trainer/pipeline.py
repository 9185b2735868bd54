"""The whole way from labelled texts and a base model to an artifact."""

import importlib.metadata
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast, Trainer, TrainingArguments, set_seed

from schemas.manifest import DataSource, ModelManifest
from schemas.problem_type import MULTI_LABEL, SINGLE_LABEL
from trainer.artifact.hub import push
from trainer.artifact.writing import check_output, write_artifact
from trainer.evaluation.fitting import calibrate_and_measure
from trainer.evaluation.golden_set import write_golden_set_of
from trainer.evaluation.outputs import try_out
from trainer.preprocessing.emoji import add_emoji
from trainer.preprocessing.misspellings import add_misspellings, copy_rows, known_misspellings
from trainer.preprocessing.normalization import lower_cases
from trainer.preprocessing.tokenizer import lower_cased_tokenizer
from trainer.report.model_report import Run, write_report
from trainer.training.base_model import base_model_name, check_base_model, load_base_model
from trainer.training.checkpoints import checkpoint_to_resume, claim
from trainer.training.hf_trainer import fit, make_trainer
from trainer.training.options import TrainOptions
from trainer.training.recipe import recipe_of
from trainer.training.training_data import TrainingData, load_training_data
from trainer.training.training_set import TrainingSet, tokenized

_TRIED = 4  # texts, before hours of training


def train(options: TrainOptions, arguments: TrainingArguments) -> ModelManifest | None:
    """Fine-tunes the base model and writes the artifact.

    Returns:
        The artifact's manifest; None in a process that is not the first of a distributed run, which writes nothing.

    Raises:
        UserError: if data, base model or output cannot be used.
    """
    check_output(Path(options.output), overwrite=options.overwrite)
    check_base_model(options.model)
    data = load_training_data(options, arguments)
    set_seed(arguments.seed)  # the classifier's head starts from random weights
    problem_type = MULTI_LABEL if data.train.several else SINGLE_LABEL
    model = load_base_model(options.model, data.labels, options.layers, problem_type)
    tokenizer, misspellings = _tokenizer(options, arguments, data, model)
    try_out(model, tokenizer, sorted(data.validation.texts, key=len)[-_TRIED:])
    checkpoint = checkpoint_to_resume(arguments, model)
    train_set = TrainingSet(
        tokenizer,
        data.train.rows,
        data.targets,
        augmentation=options.augmentation,
        seed=arguments.seed,
        balanced=data.balanced,
    )
    validation_set = tokenized(tokenizer, data.validation.texts, data.validation_targets)
    trainer = make_trainer(options, arguments, model, tokenizer, train_set, validation_set, data.class_weights)
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


def _tokenizer(
    options: TrainOptions, arguments: TrainingArguments, data: TrainingData, model: PreTrainedModel
) -> tuple[PreTrainedTokenizerFast, dict[str, str]]:
    """Returns the tokenizer, and the misspellings that it knows, each with its word; the model gets their rows."""
    tokenizer = lower_cased_tokenizer(options.model, model, options.drop_links_and_names)
    if options.emoji_tokens:
        tokenizer = add_emoji(model, tokenizer)
    misspellings = known_misspellings(model, tokenizer)
    if (more := options.misspellings - len(misspellings)) > 0:
        tokenizer, added = add_misspellings(model, tokenizer, data.train.texts, data.shares, more)
        misspellings |= added
    if misspellings and arguments.process_index == 0:
        words = len(set(misspellings.values()))
        sys.stderr.write(
            f"emotion-trainer: {len(misspellings)} misspellings of {words} words have tokens of their own\n"
        )
    return tokenizer, misspellings


def _measure_and_write(
    options: TrainOptions,
    data: TrainingData,
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
        model, tokenizer, data.validation.texts, data.validation_targets, data.domains
    )
    description = _description(options, data, recipe, tokenizer) | measured
    run = Run(
        assessment,
        {"train": data.train, "validation": data.validation},
        trainer.state.log_history,
        on_gpu=arguments.device.type == "cuda",
        is_resumed=is_resumed,
        processes=arguments.world_size,
    )
    accompany = partial(_accompany, run=run)
    manifest = write_artifact(output, model, tokenizer, description, accompany, overwrite=options.overwrite)
    if arguments.push_to_hub and trainer.hub_model_id is not None:
        push(output, trainer.hub_model_id, arguments.hub_revision, arguments.hub_token, message=manifest.revision)
    return manifest


def _accompany(folder: Path, manifest: ModelManifest, run: Run) -> None:
    write_report(folder, manifest, run)
    write_golden_set_of(folder)


def _description(
    options: TrainOptions, data: TrainingData, recipe: dict[str, Any], tokenizer: PreTrainedTokenizerFast
) -> dict[str, Any]:
    """Returns the manifest's fields that do not depend on how the training went."""
    return {
        "name": options.model_name,
        "base_model": base_model_name(options),
        "labels": data.labels,
        "max_tokens": tokenizer.model_max_length,
        "lower_case": lower_cases(tokenizer),
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
