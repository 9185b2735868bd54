"""Loads a classifier of any architecture with transformers, and refuses what is none that the worker can serve."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER
from transformers.utils.logging import disable_progress_bar

from schemas.problem_type import MULTI_LABEL, SINGLE_LABEL
from worker.errors import UserError
from worker.model.classifier import Classifier
from worker.model.encoder import encoder_classifier
from worker.model.encoder_shape import EncoderShape
from worker.model.packing import Inputs


def load_any(folder: Path, device: torch.device, dtype: torch.dtype) -> Classifier:
    """The classifier on its device.

    Raises:
        UserError: It cannot be loaded, or was not fine-tuned.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=_read_config(folder),
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"EMOTION_MODEL: {folder} cannot be loaded: {error}") from error
    _refuse_missing_weights(folder, report["missing_keys"])
    placed: PreTrainedModel = model.to(device).eval()
    if shape := EncoderShape.of(placed.config.to_dict()):  # only its files were other than usual
        return encoder_classifier(shape, dict(placed.state_dict()))
    linear = [module for module in placed.modules() if isinstance(module, torch.nn.Linear)]
    return Classifier(
        logits=partial(_logits, placed),
        labels=model.config.id2label,
        pad_id=model.config.pad_token_id or 0,
        positions=_positions(placed),
        matrix_weights=sum(module.weight.numel() for module in linear),
    )


def _read_config(folder: Path) -> PretrainedConfig:
    """Its config; of one output transformers 5 takes no `single_label_classification`, which older versions wrote."""
    said, _ = PretrainedConfig.get_config_dict(folder)
    if said.get("problem_type") == SINGLE_LABEL and len(said.get("id2label", ())) == 1:
        return AutoConfig.for_model(**said | {"problem_type": MULTI_LABEL})
    return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def _refuse_missing_weights(folder: Path, missing_keys: Iterable[str]) -> None:
    missing = sorted(missing_keys)
    if missing:
        raise UserError(
            f"EMOTION_MODEL: {folder} holds no weights for {', '.join(missing[:3])}: it was not fine-tuned for text "
            "classification; train it first (`emotion-trainer train --model …`)"
        )


def _positions(model: PreTrainedModel) -> int:
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            # RoBERTa and its kin count positions from behind the padding index.
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    count: int = getattr(model.config, "max_position_embeddings", VERY_LARGE_INTEGER)
    return count


def _logits(model: Any, inputs: Inputs) -> torch.Tensor:
    """`[texts, labels]`, one text a row."""
    logits: torch.Tensor = model(input_ids=inputs.ids, attention_mask=(inputs.texts > 0).long()).logits
    return logits
