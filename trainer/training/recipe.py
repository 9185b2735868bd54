"""The recipe: the options that make the weights what they are, and those of the card that this reproduces."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from transformers import TrainingArguments

from trainer.training.options import TrainOptions

# The recipe of the card `bert-finetuned-emotion`. Its Adam is AdamW without weight decay.
CARD: Mapping[str, Any] = {
    "num_train_epochs": 3,
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 8,
    "learning_rate": 5e-5,
    "lr_scheduler_type": "linear",
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "weight_decay": 0,
    "seed": 42,
}

# What the card does not state, and so did not change.
_AS_TRANSFORMERS_HAS_IT = (
    "bf16",
    "fp16",
    "gradient_accumulation_steps",
    "label_smoothing_factor",
    "max_grad_norm",
    "max_steps",
    "optim",
    "train_sampling_strategy",
    "warmup_steps",
)

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


def recipe_of(options: TrainOptions, arguments: TrainingArguments) -> dict[str, Any]:
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
    if options.layers:
        recipe["layers"] = " ".join(map(str, options.layers))
    if options.emoji_tokens:
        recipe["emoji_tokens"] = True
    if options.misspellings:
        recipe["misspellings"] = options.misspellings
    if options.class_weights:
        recipe["class_weights"] = " ".join(options.class_weights)
    if options.resample:
        recipe["resample"] = options.resample
    if options.early_stopping_patience is not None:
        recipe["early_stopping_patience"] = options.early_stopping_patience
    return recipe


def is_card_recipe(arguments: TrainingArguments) -> bool:
    """Returns whether the hyper-parameters are the card's; which model and data is not asked."""
    # No TrainingArguments are made for their defaults: that resets the state of the training under way.
    defaults = {each.name: each.default for each in fields(TrainingArguments) if each.name in _AS_TRANSFORMERS_HAS_IT}
    recipe = defaults | dict(CARD)
    return all(getattr(arguments, name) == value for name, value in recipe.items())
