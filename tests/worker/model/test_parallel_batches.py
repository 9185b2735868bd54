"""Batches side by side: several at once where there are enough, in order, and asked for as they are worked on."""

import threading
from collections.abc import Callable, Iterator

import pytest
import torch

from worker.model.parallel_batches import ParallelBatches


@pytest.fixture
def four_threads(torch_threads: Callable[[int], None]) -> None:
    torch_threads(4)


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("batches", [8, 9, 40])
def test_each_core_has_a_batch_of_its_own(batches: int) -> None:
    together = threading.Barrier(4)
    running, most = 0, 0
    lock = threading.Lock()

    def work(batch: int) -> tuple[int, int]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if batch < 4:
            together.wait(30)  # fails unless so many are worked on at once
        with lock:
            running -= 1
        return batch, torch.get_num_threads()

    assert list(ParallelBatches(is_on=True).map(work, range(batches))) == [(batch, 1) for batch in range(batches)]
    assert most == 4
    assert torch.get_num_threads() == 4


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("batches", [0, 1, 7])
def test_a_few_batches_have_all_cores_one_after_the_other(batches: int) -> None:
    def work(_: int) -> tuple[int, threading.Thread]:
        return torch.get_num_threads(), threading.current_thread()

    assert list(ParallelBatches(is_on=True).map(work, range(batches))) == [(4, threading.current_thread())] * batches


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize(("batches", "shares"), [(0, 0), (1, 0), (7, 0), (8, 8), (9, 12), (12, 12), (13, 16)])
def test_no_core_is_left_idle_behind_the_last_batches(batches: int, shares: int) -> None:
    assert ParallelBatches(is_on=True).shares(batches) == shares
    assert ParallelBatches(is_on=False).shares(batches) == 0


@pytest.mark.usefixtures("four_threads")
def test_where_small_batches_are_cut_a_few_are_worked_on_side_by_side() -> None:
    parallel = ParallelBatches(is_on=True, cuts_small=True)
    together = threading.Barrier(4)

    def work(_: int) -> int:
        together.wait(30)
        return torch.get_num_threads()

    assert [parallel.shares(batches) for batches in (0, 1, 4, 5)] == [0, 4, 4, 8]
    assert list(parallel.map(work, range(4))) == [1] * 4
    assert list(parallel.map(lambda _: torch.get_num_threads(), range(3))) == [4] * 3


@pytest.mark.usefixtures("four_threads")
def test_batches_are_asked_for_as_they_can_be_worked_on() -> None:
    asked = []

    def batches() -> Iterator[int]:
        for batch in range(100):
            asked.append(batch)
            yield batch

    done = ParallelBatches(is_on=True).map(lambda batch: batch, batches())
    assert next(done) == 0
    assert len(asked) <= 8
    assert list(done) == list(range(1, 100))


@pytest.mark.usefixtures("four_threads")
def test_nothing_is_worked_on_once_it_has_ended() -> None:
    running = 0
    lock = threading.Lock()
    failing = threading.Event()

    def work(batch: int) -> int:
        nonlocal running
        with lock:
            running += 1
        if batch == 0:
            failing.set()
        elif batch == 1:
            failing.wait(30)
        with lock:
            running -= 1
        if batch == 0:
            raise RuntimeError("the device says no")
        return batch

    with pytest.raises(RuntimeError, match="the device says no"):
        list(ParallelBatches(is_on=True).map(work, range(20)))
    assert running == 0


@pytest.mark.usefixtures("four_threads")
def test_what_a_batch_raises_comes_out_and_the_next_window_is_worked_on() -> None:
    def work(batch: int) -> int:
        if batch == 9:
            raise RuntimeError("the device says no")
        return batch

    side_by_side = ParallelBatches(is_on=True)
    with pytest.raises(RuntimeError, match="the device says no"):
        list(side_by_side.map(work, range(20)))
    assert list(side_by_side.map(work, range(9))) == list(range(9))
