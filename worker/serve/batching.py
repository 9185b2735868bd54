"""Requests that come together are computed together: a queue in front of the one thread that has the model."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from worker.flow import Prediction, Rejected, Request
from worker.serve.refusals import ClientGoneError, OverloadedError, RefusedError

Answer = Prediction | Rejected
Compute = Callable[[list[Request], bool], Iterable[Answer]]

_WINDOW_TEXTS = 256  # tokenized and planned together: enough to fill batches, and none waits long for its neighbours


@dataclass(eq=False)
class _Job:
    """The texts of one HTTP request."""

    requests: Sequence[Request]
    is_gone: Callable[[], bool]
    is_raw: bool
    answered: asyncio.Future[list[Answer]]
    answers: list[Answer] = field(default_factory=list)


class BatchingQueue:
    """First come, first served. While the model is busy, whoever comes is gathered for the next window.

    `on_change` is told how many texts are not answered yet.
    """

    def __init__(
        self,
        compute: Compute,
        max_texts: int,
        on_change: Callable[[int], object] = lambda _: None,
        start_thread: Callable[[], object] = lambda: None,
    ) -> None:
        """Start empty.

        Args:
            compute: Answers the requests of a window, in any order, with raw scores or not; called in a thread of its
                own, one at a time.
            max_texts: How many may be unanswered at most.
            on_change: Told how many are.
            start_thread: Called in that thread before all else.
        """
        self._compute = compute
        self._max_texts = max_texts
        self._on_change = on_change
        self._start_thread = start_thread
        self._texts = 0
        self._waiting: deque[_Job] = deque()
        self._finished: deque[_Job] = deque()
        self._is_waking = False
        self._arrived = asyncio.Event()
        self._broken: RefusedError | None = None

    async def answers(
        self, requests: Sequence[Request], is_gone: Callable[[], bool], is_raw: bool = False
    ) -> list[Answer]:
        """What the model says of each, in any order; `index` tells which is meant.

        Args:
            requests: The texts of one HTTP request.
            is_gone: Whether its client waits no more.
            is_raw: Whether it wants scores as they are before softmax or sigmoid.

        Raises:
            ClientGoneError: By the time that it was their turn, nobody waited for them any more.
            RefusedError: There is no room for so many, or the model is broken.
        """
        if not requests:
            return []
        if self._broken:
            raise self._broken
        if self._texts + len(requests) > self._max_texts:
            raise OverloadedError(len(requests), self._max_texts - self._texts)
        job = _Job(requests, is_gone, is_raw, asyncio.get_running_loop().create_future())
        self._count(len(requests))
        self._waiting.append(job)
        self._arrived.set()
        try:
            return await job.answered
        finally:
            self._count(-len(requests))

    async def run(self) -> None:
        """Compute until cancelled. What `compute` raises ends it: the device is broken, not a text."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="model", initializer=self._start_thread) as thread:
            while True:
                await self._arrived.wait()
                await asyncio.sleep(0)  # those whose bytes have come as well are read now
                if not (jobs := self._next_window()):
                    continue
                try:
                    await loop.run_in_executor(thread, self._work, jobs, loop)
                except Exception as error:
                    self._broken = RefusedError(424, "Backend", f"the model is broken: {type(error).__name__}")
                    for job in [*jobs, *self._waiting]:
                        if not job.answered.done():
                            job.answered.set_exception(self._broken)
                    raise

    def _next_window(self) -> list[_Job]:
        """The jobs that have waited longest, but for those whose client has gone."""
        jobs: list[_Job] = []
        texts = 0
        while self._waiting and (not jobs or texts + len(self._waiting[0].requests) <= _WINDOW_TEXTS):
            job = self._waiting.popleft()
            if job.is_gone():
                job.answered.set_exception(ClientGoneError())
                continue
            jobs.append(job)
            texts += len(job.requests)
        if not self._waiting:
            self._arrived.clear()
        return jobs

    def _work(self, jobs: list[_Job], loop: asyncio.AbstractEventLoop) -> None:
        """In the model's thread: answer each job as soon as all its texts are."""
        for is_raw in {job.is_raw for job in jobs}:
            self._work_on([job for job in jobs if job.is_raw == is_raw], is_raw, loop)

    def _work_on(self, jobs: list[_Job], is_raw: bool, loop: asyncio.AbstractEventLoop) -> None:
        asked = [(job, request) for job in jobs for request in job.requests]
        window = [replace(request, index=place) for place, (_, request) in enumerate(asked)]
        for answer in self._compute(window, is_raw):
            job, request = asked[answer.request.index if isinstance(answer, Prediction) else answer.index]
            if isinstance(answer, Prediction):
                job.answers.append(replace(answer, request=request))
            else:
                job.answers.append(replace(answer, index=request.index))
            if len(job.answers) == len(job.requests):
                self._finish(job, loop)

    def _finish(self, job: _Job, loop: asyncio.AbstractEventLoop) -> None:
        """In the model's thread. One call wakes the loop for all that are ready by then: each costs the model time."""
        self._finished.append(job)
        if not self._is_waking:
            self._is_waking = True
            loop.call_soon_threadsafe(self._answer_finished)

    def _answer_finished(self) -> None:
        self._is_waking = False  # before the look at them: who comes after it wakes the loop again
        while self._finished:
            job = self._finished.popleft()
            if not job.answered.done():  # its client may have gone
                job.answered.set_result(job.answers)

    def _count(self, texts: int) -> None:
        self._texts += texts
        self._on_change(self._texts)
