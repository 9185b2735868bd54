"""Several texts in a row of the model's input, kept apart by the attention mask (sequence packing).

Padding costs as much as tokens do. In windows of a second on a CPU it was an eighth of all that the model computed,
although texts of like length shared a batch; rows that are filled up with short texts leave two hundredths of it.
The scores are those of the texts alone (Krell et al., 2021, "Efficient Sequence Packing without Cross-contamination").
"""

from typing import NamedTuple

import torch
from transformers import PreTrainedModel

from worker.flow import Batch, width

ROW_TOKENS = 96  # wider rows waste less, but every token attends to its whole row


class Inputs(NamedTuple):
    """A batch as tensors on the device.

    `ids`, `positions` (within the text) and `texts` (which of its row, from 1 on; 0 is padding) are `[rows, tokens]`;
    `starts` `[texts]` says where each text begins when all rows lie one after the other. `is_full` says that each row
    is one text, without padding: there is nothing to mask.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    texts: torch.Tensor
    starts: torch.Tensor
    is_full: bool


def make_inputs(batch: Batch, pad_id: int, device: torch.device) -> Inputs:
    """The batch on the device."""
    rows, widest = len(batch), max(map(width, batch))
    ids, positions, texts = [pad_id] * (rows * widest), [0] * (rows * widest), [0] * (rows * widest)
    starts = []
    for index, row in enumerate(batch):
        start = index * widest
        for number, item in enumerate(row, 1):
            tokens = len(item.ids)
            end = start + tokens
            ids[start:end], positions[start:end], texts[start:end] = item.ids, range(tokens), [number] * tokens
            starts.append(start)
            start = end

    def placed(values: list[int]) -> torch.Tensor:
        tensor = torch.tensor(values)
        if device.type == "cuda":  # a copy from pinned memory does not wait for what the GPU is doing
            tensor = tensor.pin_memory()
        return tensor.to(device, non_blocking=True)

    shape = (rows, widest)
    return Inputs(
        placed(ids).view(shape),
        placed(positions).view(shape),
        placed(texts).view(shape),
        placed(starts),
        is_full=len(starts) == rows and all(width(row) == widest for row in batch),
    )


def logits_of_rows(model: PreTrainedModel, inputs: Inputs) -> torch.Tensor:
    """`[texts, labels]` of any model, one text a row."""
    logits: torch.Tensor = model(input_ids=inputs.ids, attention_mask=(inputs.texts > 0).long()).logits
    return logits
