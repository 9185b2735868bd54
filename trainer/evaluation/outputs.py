"""What a model makes of texts: logits, features and tokens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DataCollatorWithPadding, PreTrainedModel, PreTrainedTokenizerFast

from trainer.artifact.forward import logits_of
from trainer.errors import UserError
from trainer.evaluation.calibration import last_layer

Score = Callable[[Sequence[str]], NDArray[Any]]
"""From texts to probabilities of shape [texts, labels]."""

_BATCH_SIZE = 32


@dataclass(frozen=True)
class Outputs:
    """What a model makes of texts, in their order."""

    logits: NDArray[Any]
    """Of shape [texts, labels]."""
    features: NDArray[Any] | None
    """What the last layer of the head sees, of shape [texts, width]; None for a head that has no such layer."""
    tokens: NDArray[Any]
    """Tokens of each text as the model sees it, special ones included, of shape [texts]."""
    unknown_tokens: int
    """How many of all tokens are the unknown one."""


@torch.inference_mode()
def outputs_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> Outputs:
    """Runs texts through a model in its own number format, on an accelerator where there is one."""
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    torch.nn.Module.to(model, device)
    torch.nn.Module.eval(model)
    encoded = tokenizer(list(texts), truncation=True)
    lengths = [len(ids) for ids in encoded["input_ids"]]
    order = np.argsort(lengths, kind="stable")  # so that batches need little padding
    collate = DataCollatorWithPadding(tokenizer)
    parts, seen, features = [], [], []
    layer = last_layer(model)
    hook = None if layer is None else layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for start in range(0, len(order), _BATCH_SIZE):
        batch = [
            {name: values[index] for name, values in encoded.items()} for index in order[start : start + _BATCH_SIZE]
        ]
        inputs: Any = collate(batch)
        inputs = inputs.to(device)
        parts.append(logits_of(model, inputs).float().cpu())
        features += [_counting(each, inputs["input_ids"], model.config.pad_token_id).float().cpu() for each in seen]
        seen.clear()
    if hook is not None:
        hook.remove()
    places = np.argsort(order)
    unknown = tokenizer.unk_token_id
    return Outputs(
        logits=finite(torch.cat(parts).numpy()[places]),
        features=torch.cat(features).numpy()[places] if features else None,
        tokens=np.array(lengths),
        unknown_tokens=sum(ids.count(unknown) for ids in encoded["input_ids"]),
    )


@torch.no_grad()
def try_out(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> None:
    """Runs a few texts through a model where it is, as one batch, for what fails with them would fail with all.

    Raises:
        UserError: if it does.
    """
    encoded = tokenizer(list(texts), truncation=True)
    batch: Any = [{name: values[index] for name, values in encoded.items()} for index in range(len(texts))]
    inputs: Any = DataCollatorWithPadding(tokenizer)(batch)
    torch.nn.Module.eval(model)
    logits_of(model, inputs.to(model.device))


def _counting(hidden: torch.Tensor, ids: torch.Tensor, pad_id: int | None) -> torch.Tensor:
    """Returns what the logits come of, of shape [texts, width].

    A decoder's last layer sees all tokens, of shape [texts, tokens, width], and the last that is no padding counts.
    """
    if hidden.dim() == 2:
        return hidden
    last = ((ids != pad_id) * torch.arange(ids.shape[1], device=ids.device)).argmax(dim=1)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


def finite(logits: NDArray[Any]) -> NDArray[Any]:
    """Returns the logits, of which no figures could be had otherwise.

    Raises:
        UserError: if one is infinite or no number.
    """
    if not np.isfinite(logits).all():
        raise UserError("the model's outputs are no numbers: the training diverged; give a lower --learning_rate")
    return logits
