"""Loads a classifier: one of a known family from its files, any other with transformers."""

from pathlib import Path

import orjson
import torch

from schemas.problem_type import MULTI_LABEL, problem_type_of
from worker.errors import UserError
from worker.flow import ModelInfo
from worker.model.artifact import Artifact
from worker.model.checkpoint import read_encoder
from worker.model.classifier import Classifier
from worker.model.encoder import encoder_classifier

DEFAULT_THRESHOLD = 0.5  # a label is likelier than not


def load_classifier(artifact: Artifact, device: torch.device, dtype: torch.dtype) -> Classifier:
    """The classifier on its device.

    Raises:
        UserError: It cannot be loaded, or is no classifier.
    """
    if found := read_encoder(artifact.folder, device, dtype):
        return encoder_classifier(*found)
    from worker.model.any_architecture import load_any  # transformers takes seconds and memory

    return load_any(artifact, device, dtype)


def model_info(artifact: Artifact, names: dict[int, str], confident_score: float | None) -> ModelInfo:
    """What outcomes say about it; without a `confident_score` the threshold or thresholds that its manifest suggests.

    Raises:
        UserError: Two labels are named alike, or the manifest names others than the model.
    """
    labels, manifest = _labels(artifact, names), artifact.manifest
    if _is_multi_label(artifact.folder, len(labels)):
        thresholds = _thresholds(artifact, labels, confident_score)
        return ModelInfo(artifact.name, artifact.revision, labels, None, thresholds)
    if confident_score is None and manifest:
        confident_score = manifest.confident_score
    return ModelInfo(artifact.name, artifact.revision, labels, confident_score)


def _is_multi_label(folder: Path, outputs: int) -> bool:
    stated = orjson.loads((folder / "config.json").read_bytes()).get("problem_type")
    return problem_type_of(stated, outputs) == MULTI_LABEL


def _thresholds(artifact: Artifact, labels: list[str], confident_score: float | None) -> list[float]:
    suggested = artifact.manifest.thresholds if artifact.manifest else None
    if suggested is not None and suggested.keys() != set(labels):
        raise UserError(
            f"EMOTION_MODEL: {artifact.folder}: manifest.json has thresholds of {', '.join(suggested)}, but the labels "
            f"are {', '.join(labels)}"
        )
    if confident_score is not None or suggested is None:
        return [DEFAULT_THRESHOLD if confident_score is None else confident_score] * len(labels)
    return [suggested[label] for label in labels]


def _labels(artifact: Artifact, names: dict[int, str]) -> list[str]:
    labels = [str(names[number]) for number in sorted(names)]
    if len(set(labels)) < len(labels):
        raise UserError(f"EMOTION_MODEL: {artifact.folder}: config.json names two labels alike: {labels}")
    if artifact.manifest and artifact.manifest.labels != labels:
        raise UserError(
            f"EMOTION_MODEL: {artifact.folder}: config.json names the labels {labels}, but manifest.json "
            f"{artifact.manifest.labels}"
        )
    return labels
