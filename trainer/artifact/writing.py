"""Writing an artifact, a plain Hugging Face model folder with a manifest: whole, or not at all."""

import glob
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from schemas.manifest import MANIFEST_FILE, ModelManifest, digest_files, revision_of
from trainer.errors import UserError, first_line
from trainer.output import check_writable
from trainer.preprocessing.tokenizer import save_tokenizer

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
            manifest = _write_manifest(folder, description, str(model.dtype).removeprefix("torch."))
            accompany(folder, manifest)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"--output {output}: cannot be written: {first_line(error)}; make room, and run it again (a training goes "
            "on from its last checkpoint with --resume_from_checkpoint last)"
        ) from error
    return manifest


def _write_manifest(folder: Path, description: dict[str, Any], dtype: str) -> ModelManifest:
    """Writes the manifest of the files of a folder, and gives them the rights that it has."""
    files = digest_files(folder)
    manifest = ModelManifest(**description, files=files, revision=revision_of(files), dtype=dtype)
    manifest.write(folder)
    for name in files:  # safetensors writes for its owner alone, whatever the umask says
        (folder / name).chmod((folder / MANIFEST_FILE).stat().st_mode)
    return manifest


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
