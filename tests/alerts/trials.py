"""A trial for each alert: what makes it fire, then what mends that.

Each is a generator. Up to its first `yield` it makes its alerts fire; up to the second it mends; then it clears away.
"""

import signal
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from confluent_kafka import Consumer

from tests.alerts.stack import PARTITIONS, PATIENCE_SECONDS, Stack
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, delete_topic, make_topic
from tests.integration.conftest import Stream, message

Trial = Callable[[Stack], Generator[None, None, None]]


def texts(count: int, start: int = 0, **more: Any) -> list[NewRecord]:
    """Different texts, over all partitions."""
    return [replace(message(f"m{n}", f"text {n}", partition=n % 4), **more) for n in range(start, start + count)]


def worker_down(stack: Stack) -> Generator[None, None, None]:
    """The only worker is killed; then it is started again."""
    with stack.workers(stack.stream()) as (worker,):
        worker.kill()
        yield
        worker.start()
        yield


def not_ready(stack: Stack) -> Generator[None, None, None]:
    """The network between a worker and its broker is cut; then it is there again."""
    with stack.workers(stack.stream()):
        stack.proxy.cut()
        try:
            yield
        finally:
            stack.proxy.resume()
        yield


def hangs(stack: Stack) -> Generator[None, None, None]:
    """One of a worker's two processes is stopped (SIGSTOP); then it goes on."""
    with stack.workers(stack.stream(), processes=2) as (worker,):
        worker.signal_child(0, signal.SIGSTOP)
        try:
            yield
        finally:
            worker.signal_child(0, signal.SIGCONT)
        yield


def workers_gone(stack: Stack) -> Generator[None, None, None]:
    """Two of three workers are killed, and vanish from Prometheus' targets; then they are started again."""
    with stack.workers(stack.stream(), count=3) as workers:
        until = time.monotonic() + 20  # they are there for a while
        eventually(lambda: time.monotonic() > until, 60, "the past knows of three")
        for worker in workers[1:]:
            worker.kill()
        stack.scrape(workers[:1])
        yield
        for worker in workers[1:]:
            worker.start()
        stack.scrape(workers)
        yield


def partitions_unread(stack: Stack) -> Generator[None, None, None]:
    """Another program joins the group of the workers, and takes partitions; then it leaves."""
    stream = stack.stream()
    with stack.workers(stream):
        with another_member(stream):
            yield
        yield


@contextmanager
def another_member(stream: Stream) -> Iterator[None]:
    """A member of the workers' group that is no worker, once it has partitions."""
    consumer = Consumer(
        {
            "bootstrap.servers": stream.servers,
            "group.id": stream.group,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([stream.input])
    try:
        eventually(lambda: (consumer.poll(0.1), consumer.assignment())[1], PATIENCE_SECONDS, "it has partitions")
        yield
    finally:
        consumer.close()


def lag_seconds(stack: Stack) -> Generator[None, None, None]:
    """10,000 texts that are ten minutes old wait for the first worker of a group; then they are labelled."""
    stream = stack.stream()
    old_ms = int((time.time() - 600) * 1000)
    with stack.workers(stack.stream()) as others:
        stream.produce(texts(10_000, timestamp_ms=old_ms))
        with stack.workers(stream, beside=others, quiet=False, window_max_records=10):
            yield
            yield


def dead_letters(stack: Stack) -> Generator[None, None, None]:
    """A producer writes texts that are no JSON, and goes on with it for a while; then it stops."""
    stream = stack.stream()
    with stack.workers(stream):
        for _ in until_it_fires(stack, "EmotionDeadLetters"):
            stream.produce([*texts(10), *[NewRecord(b"broken", b"k", partition=n % 4) for n in range(10)]])
        yield
        yield


def nothing_but_skipped(stack: Stack) -> Generator[None, None, None]:
    """1,500 records come that EMOTION_ONLY_IF does not fit, then none."""
    stream = stack.stream()
    with stack.workers(stream, only_if="kind=review"):
        stream.produce(texts(1_500))
        yield
        yield


def window_stuck(stack: Stack) -> Generator[None, None, None]:
    """The output topic is deleted; then it is made again."""
    stream = stack.stream()
    with stack.workers(stream):
        delete_topic(stream.servers, stream.output)
        stream.produce(texts(20))
        yield
        make_topic(stream.servers, stream.output, PARTITIONS)
        yield


def rebalances(stack: Stack) -> Generator[None, None, None]:
    """Another member joins the group and leaves it, again and again; then it stays away."""
    stream = stack.stream()
    with stack.workers(stream):
        for _ in until_it_fires(stack, "EmotionRebalances"):
            with another_member(stream):
                pass
        yield
        yield


def two_models(stack: Stack) -> Generator[None, None, None]:
    """A second worker labels with another model, and its texts are unlike those that it learnt from; then it leaves."""
    stream = stack.stream()
    with stack.workers(stream) as before, stack.workers(stream, beside=before, model=stack.other_model) as (other,):
        stream.produce(texts(4_000))
        yield
        other.process.terminate(PATIENCE_SECONDS)
        stack.scrape(before)
        yield


def process_restarts(stack: Stack) -> Generator[None, None, None]:
    """One of a worker's two processes is killed once."""
    with stack.workers(stack.stream(), processes=2) as (worker,):
        worker.signal_child(0, signal.SIGKILL)
        yield
        yield


def _started_after(stack: Stack, moment: float) -> bool:
    return stack.prometheus.value("max(emotion_start_time_seconds)") > moment


def worker_restarts(stack: Stack) -> Generator[None, None, None]:
    """A worker is killed while it loads its model, and started again, three times; then it may load."""
    with stack.workers(stack.stream(), model="bundled") as (worker,):
        for _ in range(3):
            worker.kill()
            worker.start()
            eventually(
                partial(_started_after, stack, time.time()),
                PATIENCE_SECONDS,
                "Prometheus has seen it",
            )
            assert worker.process.log.count('"worker_started"') == 1, "it has loaded its model again"
        yield
        yield


def until_it_fires(stack: Stack, alert: str) -> Iterator[None]:
    """Again and again, until the alert fires."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while alert not in stack.prometheus.firing():
        assert time.monotonic() < deadline, f"{alert} does not fire"
        yield


TRIALS: dict[Trial, tuple[str, ...]] = {
    worker_down: ("EmotionWorkerDown",),
    workers_gone: ("EmotionWorkersGone",),
    worker_restarts: ("EmotionWorkerRestarts",),
    process_restarts: ("EmotionProcessRestarts",),
    not_ready: ("EmotionWorkerNotReady",),
    hangs: ("EmotionWorkerHangs",),
    partitions_unread: ("EmotionPartitionsUnread",),
    rebalances: ("EmotionRebalances",),
    lag_seconds: ("EmotionLagSeconds",),
    window_stuck: ("EmotionWindowStuck", "EmotionAborts"),
    dead_letters: ("EmotionDeadLetters",),
    nothing_but_skipped: ("EmotionNothingButSkipped",),
    two_models: ("EmotionTwoModels", "EmotionDrift"),
}
"""Each with the alerts that it makes fire."""
