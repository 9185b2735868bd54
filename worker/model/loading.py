"""Loads a classifier with transformers, and refuses what is none that the worker can serve."""

from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER
from transformers.utils.logging import disable_progress_bar

from worker.errors import UserError
from worker.flow import ModelInfo
from worker.model.artifact import Artifact


def load_classifier(artifact: Artifact, device: torch.device, dtype: torch.dtype) -> PreTrainedModel:
    """The model on its device, ready to predict.

    Raises:
        UserError: It cannot be loaded, or is no single-label classifier.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            artifact.folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"EMOTION_MODEL: {artifact.folder} cannot be loaded: {error}") from error
    _refuse_other_kinds(artifact.folder, model.config, report["missing_keys"])
    placed: PreTrainedModel = model.to(device).eval()
    return placed


def _refuse_other_kinds(folder: Path, config: PretrainedConfig, missing_keys: Iterable[str]) -> None:
    missing = sorted(missing_keys)
    if missing:
        raise UserError(
            f"EMOTION_MODEL: {folder} holds no weights for {', '.join(missing[:3])}: it was not fine-tuned for text "
            "classification; train it first (`emotion-trainer train --model …`)"
        )
    if config.problem_type == "multi_label_classification":
        raise UserError(f"EMOTION_MODEL: {folder} gives several labels to one text; a single-label model is needed")
    if (config.num_labels or 0) < 2:
        raise UserError(f"EMOTION_MODEL: {folder} has one output only: it is a regression, not a classifier")


def model_info(artifact: Artifact, config: PretrainedConfig, confident_score: float | None) -> ModelInfo:
    """What outcomes say about it; without a `confident_score` the one that its manifest suggests.

    Raises:
        UserError: Two labels are named alike, or the manifest names others than the model.
    """
    if confident_score is None and artifact.manifest:
        confident_score = artifact.manifest.confident_score
    return ModelInfo(artifact.name, artifact.revision, _labels(artifact, config), confident_score)


def _labels(artifact: Artifact, config: PretrainedConfig) -> list[str]:
    names: dict[int, str] = config.id2label  # type: ignore[assignment]
    labels = [str(names[index]) for index in sorted(names)]
    if len(set(labels)) < len(labels):
        raise UserError(f"EMOTION_MODEL: {artifact.folder}: config.json names two labels alike: {labels}")
    if artifact.manifest and artifact.manifest.labels != labels:
        raise UserError(
            f"EMOTION_MODEL: {artifact.folder}: config.json names the labels {labels}, but manifest.json "
            f"{artifact.manifest.labels}"
        )
    return labels


def matrix_weights(model: PreTrainedModel) -> int:
    """Weights that every token is multiplied with: those of linear layers. Two operations each make a token."""
    return sum(module.weight.numel() for module in model.modules() if isinstance(module, torch.nn.Linear))


def positions(model: PreTrainedModel) -> int:
    """The most tokens that a text may have."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            # RoBERTa and its kin count positions from behind the padding index.
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    count: int = getattr(model.config, "max_position_embeddings", VERY_LARGE_INTEGER)
    return count
