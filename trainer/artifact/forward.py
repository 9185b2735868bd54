"""The forward pass of a model that its user brought: what fails there is said in words."""

from typing import Any

import torch
from transformers import PreTrainedModel

from trainer.errors import UserError, first_line


def logits_of(model: PreTrainedModel, inputs: Any) -> torch.Tensor:
    """Returns the logits of a batch on the model's device, of shape [texts, labels].

    Raises:
        UserError: if the device's memory does not hold the batch, or if the model fails on it.
    """
    try:
        logits: torch.Tensor = model(**inputs).logits
    except torch.OutOfMemoryError as error:
        raise UserError(
            f"the device's memory does not hold the model and {len(inputs['input_ids'])} texts; free it, or hide the "
            "device to compute on the CPU (CUDA_VISIBLE_DEVICES=)"
        ) from error
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as error:
        raise UserError(
            f"the model fails on texts: {first_line(error)}; see whether config.json, weights and tokenizer belong "
            "together, or choose another model"
        ) from error
    return logits
