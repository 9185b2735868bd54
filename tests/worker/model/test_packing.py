"""Rows of texts as tensors."""

import pytest
import torch

from worker.flow import Batch, TokenizedText
from worker.model.packing import make_inputs

CPU = torch.device("cpu")


def row(*texts: list[int]) -> list[TokenizedText]:
    return [TokenizedText([], ids, truncated=False) for ids in texts]


def test_texts_of_a_row_are_numbered_and_count_their_own_positions() -> None:
    inputs = make_inputs([row([1, 7, 2], [1, 8, 9, 2]), row([1, 5, 2])], 0, CPU)

    assert inputs.ids.tolist() == [[1, 7, 2, 1, 8, 9, 2], [1, 5, 2, 0, 0, 0, 0]]
    assert inputs.texts.tolist() == [[1, 1, 1, 2, 2, 2, 2], [1, 1, 1, 0, 0, 0, 0]]
    assert inputs.positions.tolist() == [[0, 1, 2, 0, 1, 2, 3], [0, 1, 2, 0, 0, 0, 0]]
    assert inputs.starts.tolist() == [0, 3, 7]
    assert {tensor.dtype for tensor in inputs if isinstance(tensor, torch.Tensor)} == {torch.int64}


@pytest.mark.parametrize(("tokens", "wide"), [(3, 4), (4, 4), (5, 8)])
def test_rows_are_as_wide_as_the_next_step(tokens: int, wide: int) -> None:
    inputs = make_inputs([row([7] * tokens), row([1, 2])], 0, CPU, step_tokens=4)

    padding = wide - tokens
    assert inputs.ids.tolist() == [[7] * tokens + [0] * padding, [1, 2] + [0] * (wide - 2)]
    assert inputs.texts.tolist() == [[1] * tokens + [0] * padding, [1, 1] + [0] * (wide - 2)]
    assert inputs.starts.tolist() == [0, wide]
    assert make_inputs([row([7] * tokens)], 0, CPU, step_tokens=4).is_full is (padding == 0)


@pytest.mark.parametrize(
    ("batch", "is_full"),
    [
        ([row([1, 2]), row([1, 2])], True),
        ([row([1, 2]), row([1])], False),
        ([row([1], [2]), row([1, 2])], False),
    ],
)
def test_rows_of_one_text_each_without_padding_need_no_mask(batch: Batch, is_full: bool) -> None:
    assert make_inputs(batch, 0, CPU).is_full is is_full
