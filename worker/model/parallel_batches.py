"""Several batches at once, a core each.

Cores that share a batch wait for each other in each of its operations, and all of them for the one that has something
else to do as well: the client, the tokenizer, another process. With a batch each they do not. So a window of a few
texts had better be cut, too, where a small batch costs a core little more a token than a large one.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

_BATCHES_A_CORE = 2  # with fewer, uncut, those that are through first would wait too long for the last one


class ParallelBatches:
    """A thread for each core that torch uses, started when there is work for all of them."""

    def __init__(self, is_on: bool, cuts_small: bool = False) -> None:
        """Share out the cores.

        Args:
            is_on: Where not, one batch comes after the other.
            cuts_small: A few batches are worked on side by side, too; there had better be one for each core then.
        """
        self._is_on = is_on
        self._cuts_small = cuts_small
        self._pool: ThreadPoolExecutor | None = None

    def full_load(self) -> int:
        """So many batches, or a multiple of them, keep all cores busy to the end."""
        cores = torch.get_num_threads() if self._is_on else 1
        return cores * (1 if self._cuts_small else _BATCHES_A_CORE) if cores > 1 else 1

    def shares(self, batches: int) -> int:
        """So many batches, no fewer than these, leave no core idle behind the last ones; 0: all cores do each."""
        full_load, cores = self.full_load(), torch.get_num_threads()
        fewest = 1 if self._cuts_small else full_load
        return math.ceil(batches / cores) * cores if full_load > 1 and batches >= fewest else 0

    def map(self, function: Callable[[T], R], batches: Iterable[T]) -> Iterator[R]:
        """`function` of each batch, in order; of a few batches one after the other, with all cores for each.

        Batches are asked for as they can be worked on. What `function` raises comes out once nothing is worked on any
        more.
        """
        full_load = self.full_load()
        rest = iter(batches)
        first = list(islice(rest, full_load))
        if full_load == 1 or len(first) < full_load:
            yield from map(function, chain(first, rest))
            return
        cores = torch.get_num_threads()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                cores, thread_name_prefix="batch", initializer=torch.set_num_threads, initargs=(1,)
            )
        working: deque[Future[R]] = deque()
        try:
            for batch in chain(first, rest):
                working.append(self._pool.submit(function, batch))
                if len(working) > cores:  # one waits, so that no core has to
                    yield working.popleft().result()
            while working:
                yield working.popleft().result()
        finally:
            for future in working:
                future.cancel()
            wait(working)
