"""Whether a folder holds a text classifier that can be loaded: said in words, before anything heavy is loaded.

Only what JSON files and the headers of weights tell is looked at. What is left, whoever loads the model finds out.
"""

from collections.abc import Sequence
from pathlib import Path

from schemas.model_folder.config import check_labels, check_requirements
from schemas.model_folder.errors import WrongFolderError
from schemas.model_folder.files import check_fetched, check_is_whole_model, json_object
from schemas.model_folder.tokenizer import check_tokenizer, vocabulary_error
from schemas.model_folder.weights import check_head, weight_shapes

__all__ = ["WrongFolderError", "check_fetched", "check_model_folder", "lacking_weights_error", "vocabulary_error"]


def check_model_folder(folder: Path, *, is_base: bool = False) -> None:
    """Look at the files of a model folder.

    Args:
        folder: That is said to hold a model.
        is_base: Whether it is only to be trained on: it needs no head, and its weights may be those of torch.

    Raises:
        WrongFolderError: It holds no model that can be loaded, or one that is no classifier.
        OSError: A file is there and cannot be read.
    """
    check_fetched(folder)
    check_is_whole_model(folder)
    config = json_object(folder / "config.json")
    check_requirements(config)
    shapes = weight_shapes(folder, may_be_pickled=is_base)
    if not is_base:
        labels = check_labels(config)
        check_head(folder, config, shapes, labels)
    check_tokenizer(folder, config)


def lacking_weights_error(missing: Sequence[str], encoder: str) -> WrongFolderError:
    """What is wrong with a folder that was loaded, and lacks weights.

    Args:
        missing: Names of the weights that are not there, or have another shape; at least one.
        encoder: What the names of the encoder's weights begin with.
    """
    names = sorted(missing)
    below = [name for name in names if name.startswith(f"{encoder}.") and "pooler" not in name]
    if below:
        return WrongFolderError(
            f"holds no weights, or some of another shape, for {below[0]} and {len(below) - 1} more: its config.json "
            "and its weights belong to different models",
            "copy both from one model",
        )
    return WrongFolderError(
        f"holds no weights for {', '.join(names[:3])}: it was not fine-tuned for text classification",
        "train it first (`emotion-trainer train --model …`)",
    )
