"""Several texts in a row of the model's input, kept apart by the attention mask (sequence packing).

Padding costs as much as tokens do. In windows of a second on a CPU it was an eighth of all that the model computed,
although texts of like length shared a batch; rows that are filled up with short texts leave two hundredths of it.
The scores are those of the texts alone (Krell et al., 2021, "Efficient Sequence Packing without Cross-contamination").
"""

import math
from array import array
from typing import NamedTuple

import torch

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


def make_inputs(batch: Batch, pad_id: int, device: torch.device, step_tokens: int = 1) -> Inputs:
    """The batch on the device, its rows as wide as the widest, and on to the next multiple of `step_tokens`."""
    widths = [width(row) for row in batch]
    widest = math.ceil(max(widths) / step_tokens) * step_tokens
    ids = array("i")  # and no list, which would become a tensor number by number
    lengths, numbers, starts = [], [], []  # of the parts: texts, and at the end of a row its padding
    for row, row_width in zip(batch, widths, strict=True):
        for number, item in enumerate(row, 1):
            starts.append(len(ids))
            ids.extend(item.ids)
            lengths.append(len(item.ids))
            numbers.append(number)
        if left := widest - row_width:
            ids.extend([pad_id] * left)
            lengths.append(left)
            numbers.append(0)
    sizes = torch.tensor(lengths)
    texts = torch.tensor(numbers).repeat_interleave(sizes)
    positions = torch.arange(len(ids)) - (sizes.cumsum(dim=0) - sizes).repeat_interleave(sizes)
    positions *= texts > 0  # padding may be longer than the model has positions

    def placed(tensor: torch.Tensor) -> torch.Tensor:
        if device.type == "cuda":  # a copy from pinned memory does not wait for what the GPU is doing
            tensor = tensor.pin_memory()
        return tensor.to(device, non_blocking=True)

    shape = (len(batch), widest)
    return Inputs(
        placed(torch.frombuffer(ids, dtype=torch.int32).long()).view(shape),
        placed(positions).view(shape),
        placed(texts).view(shape),
        placed(torch.tensor(starts)),
        is_full=len(starts) == len(batch) and min(widths) == widest,
    )


def padded_left(inputs: Inputs) -> Inputs:
    """The same batch, of one text a row, with the padding before the texts."""
    rows, tokens = inputs.ids.shape
    padding = (inputs.texts == 0).sum(dim=1, keepdim=True)
    places = (torch.arange(tokens, device=padding.device) - padding) % tokens
    ids, positions, texts = (part.gather(1, places) for part in (inputs.ids, inputs.positions, inputs.texts))
    starts = torch.arange(rows, device=padding.device) * tokens + padding.squeeze(1)
    return Inputs(ids, positions, texts, starts, inputs.is_full)
