"""Batches side by side: several at once where there are enough, in order, and asked for as they are worked on."""

import threading
from collections.abc import Iterator

import pytest
import torch

from worker.side_by_side import SideBySide


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("batches", "at_once"), [(4, 2), (6, 3), (8, 4), (40, 4)])
def test_the_cores_are_shared_out_among_as_many_batches_as_keep_them_busy(batches: int, at_once: int) -> None:
    together = threading.Barrier(at_once)

    def work(batch: int) -> tuple[int, int]:
        if batch < at_once:
            together.wait(30)  # fails unless so many are worked on at once
        return batch, torch.get_num_threads()

    found = list(SideBySide().map(work, range(batches)))
    assert found == [(batch, 4 // at_once) for batch in range(batches)]
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_few_batches_have_all_cores_one_after_the_other(batches: int) -> None:
    def work(_: int) -> tuple[int, threading.Thread]:
        return torch.get_num_threads(), threading.current_thread()

    assert list(SideBySide().map(work, range(batches))) == [(4, threading.current_thread())] * batches


@pytest.mark.usefixtures("four_threads")
def test_batches_are_asked_for_as_they_can_be_worked_on() -> None:
    asked = []

    def batches() -> Iterator[int]:
        for batch in range(100):
            asked.append(batch)
            yield batch

    done = SideBySide().map(lambda batch: batch, batches())
    assert next(done) == 0
    assert len(asked) <= 8
    assert list(done) == list(range(1, 100))


@pytest.mark.usefixtures("four_threads")
def test_what_a_batch_raises_comes_out_and_the_next_window_is_worked_on() -> None:
    def work(batch: int) -> int:
        if batch == 9:
            raise RuntimeError("the device says no")
        return batch

    side_by_side = SideBySide()
    with pytest.raises(RuntimeError, match="the device says no"):
        list(side_by_side.map(work, range(20)))
    assert list(side_by_side.map(work, range(9))) == list(range(9))
