"""Loading a model folder: model, tokenizer and manifest, checked against one another."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os.path import isdir  # of a name that is too long Path raises an error
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging

from schemas.manifest import MANIFEST_FILE, ModelManifest, digest_files
from schemas.model_folder import WrongFolderError, check_fetched, check_model_folder, lacking_weights_error
from schemas.problem_type import MULTI_LABEL, problem_type_of
from trainer.errors import UserError, first_line
from trainer.preprocessing.tokenizer import load_tokenizer_of


def load_artifact(folder: Path, dtype: str) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Loads the model, in a number format, and the tokenizer of a folder.

    Raises:
        UserError: if the folder holds no trained classifier of texts, or another one than its manifest describes.
    """
    _check_files(folder)
    try:
        with without_table():
            model, loading = AutoModelForSequenceClassification.from_pretrained(
                folder,
                dtype=dtype,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are told below, in fewer words
                use_safetensors=True,
                trust_remote_code=False,
            )
    except Exception as error:  # whatever a broken file makes the code of others raise
        raise UserError(
            f"{folder}: the model cannot be loaded: {first_line(error)}; see whether its files belong together and are "
            "whole (code of its own, auto_map, is never run)"
        ) from error
    if lacking := lacking_weights(loading):
        wrong = lacking_weights_error(lacking, model.base_model_prefix)
        raise UserError(f"{folder}: {wrong.detail}; {wrong.mend}")
    _check_labels(folder, names_of(model))
    return model, load_tokenizer_of(model, folder)


@contextmanager
def without_table() -> Iterator[None]:
    """Keeps transformers from printing a table of the weights that are missing: whoever loads them tells it."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)


def read_manifest(folder: Path) -> ModelManifest | None:
    """Returns the manifest of a model folder, or None where it has none.

    Raises:
        UserError: if there is no such folder, or if it is not valid.
    """
    if not isdir(folder):
        raise UserError(f"{folder}: no such folder; give one that `emotion-trainer train` wrote")
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


def _check_files(folder: Path) -> None:
    manifest = read_manifest(folder)
    try:
        check_fetched(folder)
        if manifest:
            found = digest_files(folder)
            _refuse_changed(folder, [name for name, digest in manifest.files.items() if found.get(name) != digest])
        check_model_folder(folder)
    except WrongFolderError as error:
        raise UserError(f"{folder}: {error.detail}; {error.mend}") from error


def _check_labels(folder: Path, names: list[str]) -> None:
    manifest = read_manifest(folder)
    if manifest and manifest.labels != names:
        told = f"the labels of config.json ({', '.join(names)}; the manifest: {', '.join(manifest.labels)})"
        _refuse_changed(folder, [told])


def _refuse_changed(folder: Path, changed: list[str]) -> None:
    if changed:
        raise UserError(
            f"{folder}: not what its {MANIFEST_FILE} describes: {', '.join(changed)}; copy the artifact again, or "
            f"remove {MANIFEST_FILE}, and with it what was measured"
        )
