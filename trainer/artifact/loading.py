"""Loading a model folder: model, tokenizer and manifest, checked against one another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import MANIFEST_FILE, ModelManifest, digest_files
from schemas.problem_type import MULTI_LABEL, problem_type_of
from trainer.errors import UserError, first_line
from trainer.preprocessing.tokenizer import load_tokenizer


def load_artifact(folder: Path, dtype: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Loads the model, in a number format, and the tokenizer of a folder.

    Raises:
        UserError: if the folder holds no trained classifier of texts, or another one than its manifest describes.
    """
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: no model folder (no config.json); give one that `emotion-trainer train` wrote")
    try:
        model, loading = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=dtype, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except Exception as error:  # whatever a broken file makes the code of others raise
        raise UserError(f"{folder}: the model cannot be loaded: {first_line(error)}") from error
    if lacking := lacking_weights(loading):
        raise UserError(
            f"{folder}: no trained classifier (no {lacking[0]} of the right shape and {len(lacking) - 1} more); "
            "fine-tune it with `emotion-trainer train`"
        )
    _check_manifest(folder, names_of(model))
    return model, load_tokenizer(folder)


def read_manifest(folder: Path) -> ModelManifest | None:
    """Returns the manifest of a model folder, or None where it has none.

    Raises:
        UserError: if it is not valid.
    """
    try:
        return ModelManifest.read(folder)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{folder / MANIFEST_FILE}: not valid: {place + ': ' if place else ''}{first['msg']}; copy the artifact "
            "again, or train it again"
        ) from error


def names_of(model: PreTrainedModel) -> list[str]:
    """Returns the label names of a model in id order."""
    return [str(name) for _, name in sorted((model.config.id2label or {}).items())]


def is_multi_label(model: PreTrainedModel) -> bool:
    """Returns whether each label stands for itself, so that a text may have any number of them."""
    return problem_type_of(model.config.problem_type, len(names_of(model))) == MULTI_LABEL


def lacking_weights(loading: Mapping[str, Any]) -> list[str]:
    """Returns the names of the weights that a model folder has not, or has in another shape, in order.

    Args:
        loading: The `output_loading_info` of transformers.
    """
    return sorted([*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])])


def _check_manifest(folder: Path, names: list[str]) -> None:
    manifest = read_manifest(folder)
    if manifest is None:
        return
    found = digest_files(folder)
    changed = [name for name, digest in manifest.files.items() if found.get(name) != digest]
    if manifest.labels != names:
        changed.append(f"the labels of config.json ({', '.join(names)}; the manifest: {', '.join(manifest.labels)})")
    if changed:
        raise UserError(
            f"{folder}: not what its {MANIFEST_FILE} describes: {', '.join(changed)}; copy the artifact again, or "
            f"remove {MANIFEST_FILE}, and with it what was measured"
        )
