"""Loads a classifier of any architecture with transformers, and refuses what is none that the worker can serve."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, PretrainedConfig, PreTrainedModel
from transformers.utils import logging

from schemas.model_folder import lacking_weights_error
from schemas.problem_type import MULTI_LABEL, SINGLE_LABEL
from worker.errors import UserError, first_line
from worker.model.artifact import Artifact
from worker.model.classifier import Classifier
from worker.model.encoder import encoder_classifier
from worker.model.encoder_shape import EncoderShape
from worker.model.length_modes import length_modes
from worker.model.packing import Inputs
from worker.model.text_form import TextForm
from worker.model.token_limits import known_limit
from worker.model.tokenizer_file import TokenizerFile

_LIMITS = ("max_position_embeddings", "max_seq_len")
_MEND = (
    "see whether its files belong together and are whole, and that transformers has a text classifier of its "
    "model_type; code of its own (auto_map) is never run"
)


def load_any(artifact: Artifact, device: torch.device, dtype: torch.dtype) -> Classifier:
    """The classifier on its device.

    Raises:
        UserError: It cannot be loaded, or was not fine-tuned.
    """
    folder = artifact.folder
    try:
        with _quiet():  # what it warns of, a table of weights, is told below
            model, report = AutoModelForSequenceClassification.from_pretrained(
                folder,
                config=_read_config(folder),
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
    if shape := EncoderShape.of(placed.config.to_dict()):  # only its files were other than usual
        return encoder_classifier(shape, dict(placed.state_dict()))
    tokenizer = artifact.tokenizer_file
    logits = _Logits(placed, tokenizer)
    linear = [module for module in placed.modules() if isinstance(module, torch.nn.Linear)]
    return Classifier(
        logits=logits,
        labels=model.config.id2label,
        pad_id=logits.pad_id,
        positions=_positions(placed),
        matrix_weights=sum(module.weight.numel() for module in linear),
        stand_in=logits.form.stand_in,
        pads_left=tokenizer.pads_left,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps transformers from printing; the process, in which others may use it, has its own level again after that."""
    level, shows_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shows_bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _read_config(folder: Path) -> PretrainedConfig:
    """Its config; of one output transformers 5 takes no `single_label_classification`, which older versions wrote."""
    said, _ = PretrainedConfig.get_config_dict(folder)
    if said.get("problem_type") == SINGLE_LABEL and len(said.get("id2label") or ()) == 1:
        config: PretrainedConfig = AutoConfig.for_model(**said | {"problem_type": MULTI_LABEL})
    else:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    return config


def _refuse_missing_weights(folder: Path, model: PreTrainedModel, report: Mapping[str, Any]) -> None:
    if missing := [*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])]:
        error = lacking_weights_error(missing, model.base_model_prefix)
        raise UserError(f"EMOTION_MODEL: {folder} {error.detail}", error.mend)


def _positions(model: PreTrainedModel) -> int:
    """The most tokens that a text may have; MOST_TOKENS for a model that does not number them."""
    config = model.config.get_text_config()
    limits = [known_limit(getattr(config, name, None)) for name in _LIMITS]
    for name, module in model.named_modules():
        if name.endswith(".position_embeddings") and isinstance(
            weight := getattr(module, "weight", None), torch.Tensor
        ):
            # RoBERTa and its kin count positions from behind the padding index.
            padding: int | None = getattr(module, "padding_idx", None)
            limits.append(len(weight) - (0 if padding is None else padding + 1))
    return min(limits)


class _Logits:
    """Computes a model of transformers, one text a row, and gives it what pipeline() gives it."""

    def __init__(self, model: Any, tokenizer: TokenizerFile) -> None:
        self._model = model
        self._modes = length_modes(model)
        self.form = TextForm.of(tokenizer.tokenizer)
        takes = inspect.signature(model.forward).parameters
        self._takes_mask = "attention_mask" in takes
        self._takes_types = tokenizer.gives_types and "token_type_ids" in takes
        self._options = {"use_cache": False} if "use_cache" in takes else {}
        self._configs = (model.config, model.config.get_text_config())
        own: Any = getattr(self._configs[1], "pad_token_id", None)
        self._knows_padding = isinstance(own, int) and 0 <= own < getattr(self._configs[1], "vocab_size", 0)
        named = None if tokenizer.pad_token is None else tokenizer.tokenizer.token_to_id(tokenizer.pad_token)
        self.pad_id: int = own if self._knows_padding else named or 0

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """`[texts, labels]`."""
        return self._modes.compute(inputs, self._compute) if self._modes else self._compute(inputs)

    def _compute(self, inputs: Inputs) -> torch.Tensor:
        own = (inputs.texts > 0).long()
        ids = inputs.ids if self._knows_padding else self._padded(inputs.ids, own)
        given = self._options | ({"attention_mask": own} if self._takes_mask else {})
        if self._takes_types:
            given |= {"token_type_ids": self.form.types(inputs)}
        logits: torch.Tensor = self._model(input_ids=ids, **given).logits
        return logits

    def _padded(self, ids: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """The ids for a model that was not told which one is padding, and takes the last token that is another.

        Alone it takes a text's last token, whichever that is. So padding is an id with which no text of the batch ends.
        """
        places = torch.arange(1, ids.shape[1] + 1, device=ids.device)
        ends = set(ids.gather(1, (places * own).argmax(dim=1, keepdim=True)).flatten().tolist())
        padding = next(number for number in chain([self.pad_id], count()) if number not in ends)
        for config in self._configs:
            config.pad_token_id = padding
        return ids.where(own > 0, padding)
