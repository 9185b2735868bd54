"""Finds the model's folder and its manifest, before anything heavy is loaded."""

import logging
import re
from dataclasses import dataclass
from functools import cached_property
from os.path import isdir  # of a name that is too long Path raises an error
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.golden_set import GOLDEN_FILE
from schemas.manifest import MANIFEST_FILE, ModelManifest, digest_files, revision_of
from schemas.model_folder import WrongFolderError, check_fetched, check_model_folder
from worker.errors import Problem, UserError

if TYPE_CHECKING:
    from worker.model.tokenizer_file import TokenizerFile

_log = logging.getLogger(__name__)

_BUNDLED = Path(__file__).parents[1] / "bundled"
# Weights as safetensors only: other formats can run code when they are loaded.
_HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", GOLDEN_FILE]
_COMMIT = r"[0-9a-f]{40}"


@dataclass(frozen=True)
class Artifact:
    """A model folder. `manifest` is None for a model that our trainer did not write."""

    folder: Path
    name: str
    revision: str
    manifest: ModelManifest | None

    @cached_property
    def tokenizer_file(self) -> "TokenizerFile":
        """Its tokenizer, read when it is first asked for: models that transformers computes ask for it, too.

        Raises:
            UserError: It cannot be loaded, or is none that knows tokenizer.json.
        """
        from worker.model.tokenizer_loading import load_tokenizer  # heavy

        return load_tokenizer(self.folder)


def find_artifact(model: str, revision: str | None) -> Artifact:
    """Resolve `EMOTION_MODEL`: `bundled`, a folder, or a hub id at a revision.

    Raises:
        UserError: There is no such model, its files are not what its manifest says, or they are no text classifier.
    """
    if model == "bundled":
        folder, name, commit = _BUNDLED, "bundled", None
    elif isdir(model):
        folder, name, commit = Path(model), Path(model).resolve().name, None
    else:
        folder, name, commit = _download(model, revision)
    try:
        check_fetched(folder)  # or its files would only be said to be others than those of the manifest
        if manifest := _read_manifest(folder):
            _check_digests(folder, manifest)
        check_model_folder(folder)
    except WrongFolderError as error:
        raise UserError(f"EMOTION_MODEL: {folder} {error.detail}", error.mend) from error
    if manifest:
        return Artifact(folder, manifest.name, manifest.revision, manifest)
    return Artifact(folder, name, commit or revision_of(digest_files(folder)), None)


def _check_digests(folder: Path, manifest: ModelManifest) -> None:
    different = sorted(name for name, _ in digest_files(folder).items() ^ manifest.files.items())
    if different:
        raise UserError(
            f"EMOTION_MODEL: in {folder}, {', '.join(dict.fromkeys(different))} missing or not as {MANIFEST_FILE} says",
            f"copy the model again, or delete {MANIFEST_FILE} if the change is meant",
        )


def pinning_hint(model: str, revision: str | None) -> Problem | None:
    """What is to be said of a model from the hub that is not pinned to a commit: its next version comes unasked."""
    if model == "bundled" or isdir(model) or re.fullmatch(_COMMIT, revision or ""):
        return None
    return Problem(
        f"{model} at {revision or 'its main branch'} may change under this name",
        "set EMOTION_MODEL_REVISION to a commit, of 40 hex digits",
    )


def _download(model: str, revision: str | None) -> tuple[Path, str, str]:
    import huggingface_hub  # only here: it takes time, and most models are folders
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(huggingface_hub.snapshot_download(model, revision=revision, allow_patterns=_HUB_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"EMOTION_MODEL: {model} is no folder, and no model that the hub gives us: {reason}") from error
    if pinning_hint(model, revision) is None:
        _log.info("model_from_hub", extra={"commit": folder.name, "pinned": True})
    else:
        _log.warning("model_from_hub", extra={"commit": folder.name, "pinned": False})
    return folder, model, folder.name


def _read_manifest(folder: Path) -> ModelManifest | None:
    try:
        return ModelManifest.read(folder)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, problem["loc"]))
        raise UserError(f"EMOTION_MODEL: {folder / MANIFEST_FILE}: {field}: {problem['msg']}") from error
