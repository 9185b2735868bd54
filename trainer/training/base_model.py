"""The base model of a training."""

from collections.abc import Sequence
from os.path import isdir  # of a name that is too long Path raises an error
from pathlib import Path

from torch.nn import ModuleList
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

from schemas.model_folder import WrongFolderError, check_model_folder, lacking_weights_error
from schemas.problem_type import SINGLE_LABEL, ProblemType
from trainer.artifact.loading import lacking_weights, without_table
from trainer.errors import UserError, first_line
from trainer.evaluation.calibration import last_layer
from trainer.training.options import TrainOptions


def check_base_model(base: str) -> None:
    """Looks at the files of a base model that is a local folder, in no time.

    Raises:
        UserError: if it is no folder that a model can be loaded from.
    """
    if isdir(base):
        try:
            check_model_folder(Path(base), is_base=True)
        except WrongFolderError as error:
            raise UserError(f"--model {base}: {error.detail}; {error.mend}") from error


def load_base_model(
    base: str, names: list[str], layers: Sequence[int] | None = None, problem_type: ProblemType = SINGLE_LABEL
) -> PreTrainedModel:
    """Loads the base model in float32 with a new head for the labels; a classifier of these very labels keeps its own.

    Args:
        base: Hub id or folder.
        names: Of the labels, in id order.
        layers: Those of its layers that are kept, from 0 on; None for all.
        problem_type: Whether a text has one label or several.

    Raises:
        UserError: if it cannot be loaded, if its folder lacks weights below the head, or if it has no such layers.
    """
    model: PreTrainedModel
    try:
        known = AutoConfig.from_pretrained(base, trust_remote_code=False).id2label
        with without_table():
            model, loading = AutoModelForSequenceClassification.from_pretrained(
                base,
                dtype="float32",
                output_loading_info=True,
                id2label=dict(enumerate(names)),
                label2id={name: index for index, name in enumerate(names)},
                problem_type=problem_type,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,  # a base with a head for other labels gets a new one
            )
    except Exception as error:  # whatever a broken file makes the code of others raise
        raise UserError(
            f"--model {base}: cannot be loaded: {first_line(error)}; check name and network, or give a local folder"
        ) from error
    below_head = f"{model.base_model_prefix}."
    # Many encoders come without a pooler.
    if below := [name for name in lacking_weights(loading) if name.startswith(below_head) and "pooler" not in name]:
        wrong = lacking_weights_error(below, model.base_model_prefix)
        raise UserError(f"--model {base}: {wrong.detail}; {wrong.mend}")
    if layers:
        _keep(model, layers)
    if known != model.config.id2label:
        _forget_other_labels(model, lacking_weights(loading))
    return model


def _forget_other_labels(model: PreTrainedModel, lacking: Sequence[str]) -> None:
    """Makes a head anew that fits by chance alone: it is of other labels, just as many."""
    layer = last_layer(model)
    for name, module in model.named_modules():
        if layer is not None and module is layer and f"{name}.weight" not in lacking:
            layer.reset_parameters()


def _keep(model: PreTrainedModel, layers: Sequence[int]) -> None:
    """Leaves out the other layers, as DistilBERT began: Sanh et al., "DistilBERT", 2019."""
    count = getattr(model.config, "num_hidden_layers", 0)
    stacks = [name for name, module in model.named_modules() if isinstance(module, ModuleList) and len(module) == count]
    if len(stacks) != 1 or hasattr(model.config, "layer_types"):
        raise UserError("--layers: this kind of model has no single stack of equal layers; leave it out")
    if list(layers) != sorted(set(layers)) or not 0 <= layers[0] <= layers[-1] < count:
        raise UserError(
            f"--layers {' '.join(map(str, layers))}: give numbers from 0 to {count - 1}, each once, in rising order"
        )
    stack = model.get_submodule(stacks[0])
    model.set_submodule(stacks[0], ModuleList([stack[layer] for layer in layers]))  # type: ignore[index]
    model.config.num_hidden_layers = len(layers)


def base_model_name(options: TrainOptions) -> str:
    """Returns the name of the base model without any folder of this machine."""
    folder = Path(options.model)
    return options.base_model_name or (folder.resolve().name if isdir(folder) else options.model)
