"""Writing an artifact again with its weights in another number format."""

import shutil
from functools import partial
from pathlib import Path

import torch

from schemas.manifest import MANIFEST_FILE, ModelManifest
from trainer.artifact.loading import load_artifact, read_manifest
from trainer.artifact.writing import CARD_FILE, REPORT_FOLDER, check_output, write_artifact
from trainer.errors import UserError


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
