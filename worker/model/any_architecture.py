"""Loads a classifier of any architecture with transformers, and refuses what is none that the worker can serve."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER
from transformers.utils.logging import disable_progress_bar

from schemas.model_folder import lacking_weights_error
from worker.errors import UserError, first_line
from worker.model.bert import bert_classifier
from worker.model.checkpoint import BertShape
from worker.model.classifier import Classifier
from worker.model.packing import Inputs

_MEND = "see whether its files belong together and are whole; code of its own (auto_map) is never run"


def load_any(folder: Path, device: torch.device, dtype: torch.dtype) -> Classifier:
    """The classifier on its device.

    Raises:
        UserError: It cannot be loaded, or is no single-label classifier.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are told below, in fewer words
        )
    except Exception as error:  # whatever a broken file makes the code of others raise
        raise UserError(f"EMOTION_MODEL: {folder} cannot be loaded: {first_line(error)}", _MEND) from error
    _refuse_missing_weights(folder, model, report)
    placed: PreTrainedModel = model.to(device).eval()
    if shape := BertShape.of(placed.config.to_dict()):  # only its files were other than usual
        return bert_classifier(shape, dict(placed.state_dict()))
    linear = [module for module in placed.modules() if isinstance(module, torch.nn.Linear)]
    return Classifier(
        logits=partial(_logits, placed),
        labels=model.config.id2label,
        pad_id=model.config.pad_token_id or 0,
        positions=_positions(placed),
        matrix_weights=sum(module.weight.numel() for module in linear),
    )


def _refuse_missing_weights(folder: Path, model: PreTrainedModel, report: Mapping[str, Any]) -> None:
    if missing := [*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])]:
        error = lacking_weights_error(missing, model.base_model_prefix)
        raise UserError(f"EMOTION_MODEL: {folder} {error.detail}", error.mend)
    if model.config.problem_type == "multi_label_classification":
        raise UserError(f"EMOTION_MODEL: {folder} gives several labels to one text; a single-label model is needed")


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
