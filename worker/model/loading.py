"""Loads a classifier: one of BERT's kind from its files, any other with transformers."""

import torch

from worker.errors import UserError
from worker.flow import ModelInfo
from worker.model.artifact import Artifact
from worker.model.encoder import encoder_classifier
from worker.model.checkpoint import read_encoder
from worker.model.classifier import Classifier


def load_classifier(artifact: Artifact, device: torch.device, dtype: torch.dtype) -> Classifier:
    """The classifier on its device.

    Raises:
        UserError: It cannot be loaded, or is no single-label classifier.
    """
    if found := read_encoder(artifact.folder, device, dtype):
        return encoder_classifier(*found)
    from worker.model.any_architecture import load_any  # transformers takes seconds and memory

    return load_any(artifact.folder, device, dtype)


def model_info(artifact: Artifact, names: dict[int, str], confident_score: float | None) -> ModelInfo:
    """What outcomes say about it; without a `confident_score` the one that its manifest suggests.

    Raises:
        UserError: Two labels are named alike, or the manifest names others than the model.
    """
    if confident_score is None and artifact.manifest:
        confident_score = artifact.manifest.confident_score
    return ModelInfo(artifact.name, artifact.revision, _labels(artifact, names), confident_score)


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
