"""The base model of a training."""

from pathlib import Path

from transformers import AutoModelForSequenceClassification, PreTrainedModel

from trainer.artifact.loading import lacking_weights
from trainer.errors import UserError, first_line
from trainer.training.options import TrainOptions


def load_base_model(base: str, names: list[str]) -> PreTrainedModel:
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
    except Exception as error:  # whatever a broken file makes the code of others raise
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


def base_model_name(options: TrainOptions) -> str:
    """Returns the name of the base model without any folder of this machine."""
    folder = Path(options.model)
    return options.base_model_name or (folder.resolve().name if folder.is_dir() else options.model)
