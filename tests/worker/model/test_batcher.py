"""Batches by padded tokens, and rows that texts share."""

import math
import random
from collections.abc import Callable, Iterator

import pytest

from worker.flow import Batch, Request, TokenizedText, width
from worker.model.batcher import plan


def for_four_cores(batches: int) -> int:
    return math.ceil(batches / 4) * 4


def none(_: int) -> int:
    return 0


def cost(batch: Batch) -> int:
    return max(map(width, batch)) * len(batch)


def tokenized(lengths: list[int]) -> list[TokenizedText]:
    return [
        TokenizedText([Request(index, str(index), "", None)], [0] * length, truncated=False)
        for index, length in enumerate(lengths)
    ]


def test_every_text_is_in_exactly_one_batch() -> None:
    for lengths, budget, row_tokens, shares in windows(1):
        batches = plan(tokenized(lengths), budget, row_tokens, shares)
        assert all(batch and all(batch) for batch in batches)
        items = [item for batch in batches for row in batch for item in row]
        assert sorted(request.index for item in items for request in item.requests) == list(range(len(lengths)))


def test_a_batch_with_its_padding_keeps_within_the_budget() -> None:
    for lengths, budget, row_tokens, shares in windows(2):
        for batch in plan(tokenized(lengths), budget, row_tokens, shares):
            assert cost(batch) <= budget or [len(row) for row in batch] == [1]


def test_texts_share_a_row_up_to_its_size() -> None:
    for lengths, budget, row_tokens, shares in windows(3):
        for batch in plan(tokenized(lengths), budget, row_tokens, shares):
            assert all(width(row) <= row_tokens or len(row) == 1 for row in batch)


def test_like_lengths_share_a_batch() -> None:
    batches = plan(tokenized([100, 3, 101, 4, 5]), 300)
    assert [[width(row) for row in batch] for batch in batches] == [[3, 4, 5], [100, 101]]


def test_rows_are_filled_with_what_fits_best() -> None:
    (batch,) = plan(tokenized([50, 30, 60, 40, 10, 70]), 1000, row_tokens=100)
    assert sorted(sorted(len(item.ids) for item in row) for row in batch) == [[10, 50], [30, 70], [40, 60]]


def test_a_window_of_messages_leaves_little_padding() -> None:
    lengths = lengths_of_messages(165)
    batches = plan(tokenized(lengths), 1024, row_tokens=96)
    assert sum(map(cost, batches)) < sum(lengths) * 1.05


@pytest.mark.parametrize("texts", range(160, 520, 40))
def test_cores_that_have_a_batch_each_get_like_amounts_of_work(texts: int) -> None:
    batches = plan(tokenized(lengths_of_messages(texts)), 1024, 96, for_four_cores)
    costs = sorted(map(cost, batches))
    assert costs[-1] - costs[0] <= 2 * 96  # rows are not cut


@pytest.mark.parametrize("texts", [8, 10, 20, 40])
def test_a_window_of_a_few_texts_is_cut_between_texts(texts: int) -> None:
    lengths = lengths_of_messages(texts)
    batches = plan(tokenized(lengths), 1024, 96, for_four_cores)
    tokens = [sum(map(width, batch)) for batch in batches]
    assert len(tokens) == 4
    assert max(tokens) - min(tokens) <= max(lengths)


def test_no_core_gets_less_than_it_is_worth() -> None:
    assert len(plan(tokenized([20, 20]), 1024, 96, for_four_cores)) == 1
    assert len(plan(tokenized([40, 40]), 1024, 96, for_four_cores)) == 2


def lengths_of_messages(texts: int) -> list[int]:
    chance = random.Random(4)  # noqa: S311
    return [max(4, int(chance.gauss(24, 11))) for _ in range(texts)]


def windows(seed: int) -> Iterator[tuple[list[int], int, int, Callable[[int], int]]]:
    """Lengths of texts, the sizes of batches and rows, and how many batches there had better be."""
    chance = random.Random(seed)  # noqa: S311
    for _ in range(200):
        lengths = [chance.randint(2, 512) for _ in range(chance.randint(0, 60))]
        yield lengths, chance.randint(1, 2000), chance.choice((0, 96, 300)), chance.choice((none, for_four_cores))
