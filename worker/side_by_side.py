"""Several batches at once, the cores of this process shared out among them.

Cores that share a batch wait for each other in each of its operations, and all of them for the one that has something
else to do as well: the client, the tokenizer, another process. With a batch each they do not.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

_BATCHES_A_LANE = 2  # with fewer the cores that are through first would wait too long for the last one


class SideBySide:
    """A thread for each core that torch uses, started when there is work for several."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def map(self, function: Callable[[T], R], batches: Iterable[T]) -> Iterator[R]:
        """`function` of each batch, in order; of a few batches one after the other, with all cores for each.

        Batches are asked for as they can be worked on. What `function` raises comes out here, while others may still
        be worked on.
        """
        threads = torch.get_num_threads()
        rest = iter(batches)
        first = list(islice(rest, threads * _BATCHES_A_LANE))
        lanes = len(first) // _BATCHES_A_LANE
        if lanes < 2:
            yield from map(function, chain(first, rest))
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")
        working: deque[Future[R]] = deque()
        for batch in chain(first, rest):
            working.append(self._pool.submit(_with_threads, threads // lanes, function, batch))
            if len(working) > lanes:  # one more than can be worked on, so that no lane waits for the next
                yield working.popleft().result()
        for future in working:
            yield future.result()


def _with_threads(threads: int, function: Callable[[T], R], batch: T) -> R:
    if torch.get_num_threads() != threads:  # of this thread; to set it costs torch what it has prepared
        torch.set_num_threads(threads)
    return function(batch)
