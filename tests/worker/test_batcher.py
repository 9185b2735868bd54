"""Batches by padded tokens."""

import random

from worker.batcher import plan
from worker.flow import Request, TokenizedText


def tokenized(lengths: list[int]) -> list[TokenizedText]:
    return [
        TokenizedText([Request(index, str(index), "", None)], [0] * length, truncated=False)
        for index, length in enumerate(lengths)
    ]


def test_every_text_is_in_exactly_one_batch() -> None:
    chance = random.Random(1)  # noqa: S311
    for _ in range(200):
        lengths = [chance.randint(2, 512) for _ in range(chance.randint(0, 60))]
        batches = list(plan(tokenized(lengths), chance.randint(1, 2000)))
        assert all(batches)
        assert sorted(request.index for batch in batches for item in batch for request in item.requests) == list(
            range(len(lengths))
        )


def test_a_batch_with_its_padding_keeps_within_the_budget() -> None:
    chance = random.Random(2)  # noqa: S311
    for _ in range(200):
        lengths = [chance.randint(2, 512) for _ in range(chance.randint(1, 60))]
        budget = chance.randint(1, 2000)
        for batch in plan(tokenized(lengths), budget):
            longest = max(len(item.ids) for item in batch)
            assert longest * len(batch) <= budget or len(batch) == 1


def test_like_lengths_share_a_batch() -> None:
    batches = list(plan(tokenized([100, 3, 101, 4, 5]), 300))
    assert [[len(item.ids) for item in batch] for batch in batches] == [[3, 4, 5], [100, 101]]
