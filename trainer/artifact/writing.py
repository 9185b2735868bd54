"""The artifact: a plain Hugging Face model folder with a manifest, written whole or not at all."""

import glob
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import MANIFEST_FILE, ModelManifest, digest_files, revision_of
from trainer.errors import UserError, first_line
from trainer.output import check_writable
from trainer.preprocessing.tokenizer import load_tokenizer, save_tokenizer

# For people: no loader reads them, and no digest holds them.
CARD_FILE = "README.md"
REPORT_FOLDER = "report"


def check_output(output: Path, *, overwrite: bool) -> None:
    """Checks, before hours of training, that an artifact can be written to a folder.

    Raises:
        UserError: if the folder is taken, or if its parent cannot be written to.
    """
    is_empty_folder = output.is_dir() and not any(output.iterdir())
    if output.exists() and not is_empty_folder:
        if not overwrite:
            raise UserError(f"--output {output}: exists; choose another folder or give --overwrite")
        if not (output / MANIFEST_FILE).is_file():
            raise UserError(
                f"--output {output}: no artifact, and --overwrite replaces only artifacts; remove it yourself"
            )
    check_writable(output, output.parent)


def write_artifact(
    output: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    description: dict[str, Any],
    accompany: Callable[[Path, ModelManifest], None],
    *,
    overwrite: bool,
) -> ModelManifest:
    """Writes model, tokenizer, manifest, report and card aside, then puts the folder in its place.

    Args:
        output: The artifact's folder.
        model: On any device, in the number format that is to be stored.
        tokenizer: As the model was trained with it.
        description: The manifest's fields but those that follow from the files.
        accompany: Writes report and card into the folder.
        overwrite: Whether an artifact in the place may be replaced.

    Returns:
        The manifest.

    Raises:
        UserError: if the folder is taken, or if a file cannot be written; then the place is as it was.
    """
    output = output.resolve()
    check_output(output, overwrite=overwrite)
    try:
        with _written_aside(output) as folder:
            model.save_pretrained(folder)
            save_tokenizer(tokenizer, folder)
            files = digest_files(folder)
            dtype = str(model.dtype).removeprefix("torch.")
            manifest = ModelManifest(**description, files=files, revision=revision_of(files), dtype=dtype)
            manifest.write(folder)
            for name in files:  # safetensors writes for its owner alone, whatever the umask says
                (folder / name).chmod((folder / MANIFEST_FILE).stat().st_mode)
            accompany(folder, manifest)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"--output {output}: cannot be written: {first_line(error)}; make room, and run it again (a training goes "
            "on from its last checkpoint with --resume_from_checkpoint last)"
        ) from error
    return manifest


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
    except (OSError, ValueError, RuntimeError, UnpicklingError, SafetensorError) as error:
        raise UserError(f"{folder}: the model cannot be loaded: {first_line(error)}") from error
    if lacking := lacking_weights(loading):
        raise UserError(
            f"{folder}: no trained classifier (no {lacking[0]} of the right shape and {len(lacking) - 1} more); "
            "fine-tune it with `emotion-trainer train`"
        )
    _check_manifest(folder, names_of(model))
    return model, load_tokenizer(folder)


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


def export(source: Path, output: Path, dtype: str, *, overwrite: bool) -> ModelManifest:
    """Writes an artifact again with its weights in another number format.

    Raises:
        UserError: if the source is no artifact, if the format cannot hold a weight, or if the output is taken.
    """
    check_output(output, overwrite=overwrite)
    manifest = read_manifest(source)
    if manifest is None:
        raise UserError(f"{source}: no {MANIFEST_FILE}; give an artifact that `emotion-trainer train` wrote")
    model, tokenizer = load_artifact(source, dtype)
    for name, weight in model.named_parameters():
        if not torch.isfinite(weight).all():
            raise UserError(f"--dtype {dtype}: cannot hold a weight of {name}; choose bfloat16 or float32")
    measured_on = manifest.exported_from or manifest.revision
    description = manifest.model_dump(exclude={"files", "revision", "dtype"}) | {"exported_from": measured_on}
    return write_artifact(output, model, tokenizer, description, partial(_copy_report, source), overwrite=overwrite)


def _copy_report(source: Path, folder: Path, _: ModelManifest) -> None:
    if (source / CARD_FILE).is_file():
        shutil.copyfile(source / CARD_FILE, folder / CARD_FILE)
    if (source / REPORT_FOLDER).is_dir():
        shutil.copytree(source / REPORT_FOLDER, folder / REPORT_FOLDER)


@contextmanager
def _written_aside(output: Path) -> Iterator[Path]:
    """Yields a new folder beside the output, which takes the output's place if all went well and vanishes if not."""
    aside, replaced = (output.with_name(f".{output.name}.{os.getpid()}.{role}") for role in ("new", "old"))
    for left in output.parent.glob(f".{glob.escape(output.name)}.*.new"):  # by one that was killed as it wrote
        if left == aside or not _is_running(left.name.split(".")[-2]):  # in a container all have the same number
            shutil.rmtree(left, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        if output.exists():
            output.rename(replaced)
        try:
            aside.rename(output)
        except OSError:
            if replaced.exists():
                replaced.rename(output)
            raise
        shutil.rmtree(replaced, ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True
