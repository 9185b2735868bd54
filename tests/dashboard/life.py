"""A day in the life of the workers, in some minutes: what a dashboard should show happens at least once."""

import contextlib
import http.client
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from tests.alerts.stack import PARTITIONS, LiveWorker, Stack
from tests.alerts.trials import another_member
from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, create_topic, delete_topic, make_topic, produce
from tests.integration.conftest import Stream, message
from worker.model.sample_texts import sample_texts

_TEXTS_A_SECOND = 200
_STEADY_SECONDS = 20
_CUT_SECONDS = 15
_PATIENCE_SECONDS = 180


class Day(NamedTuple):
    """When it began and ended, and between which moments all was well; in Unix seconds."""

    since: float
    well_since: float
    well_until: float
    until: float


def live(stack: Stack) -> Day:
    """Let it happen."""
    stream = stack.stream()
    reviews = create_topic(stream.servers, prefix="reviews", partitions=PARTITIONS)
    settings: dict[str, Any] = {
        "model": "bundled",
        "cache_texts": 10_000,
        "review_topic": reviews,
        "review_random_per_million": 100_000,
        "review_per_minute": 120,
        "canary_model": "bundled",
        "canary_percent": 20,
    }
    server = LiveWorker(stream.worker, model="bundled")
    server.process.environment["EMOTION_SERVE_PORT"] = str(server.endpoint.port)
    server.process.start("serve")
    with (
        server.process,
        stack.workers(stream, beside=[server], processes=2, **settings) as (first,),
        stack.workers(stream, beside=[server, first], **settings) as (second,),
        _challenger(stack, stream) as challenger,
    ):
        stack.scrape(
            [server, first, second, challenger]
        )  # last: an alert tells of two models, and workers wait for rest
        since = time.time()
        with _texts(stream):
            drift = "max(emotion_drift)"
            eventually(lambda: stack.prometheus.value(drift) > 0, _PATIENCE_SECONDS, "a process has seen enough texts")
            well_since = time.time()
            produce(stream.servers, stream.output, [NewRecord(b"no label")])  # which a challenger passes over
            _pass(_STEADY_SECONDS)
        well_until = time.time()
        with _texts(stream, with_odd_ones=True), _requests(server.endpoint):
            for happen in (_a_stranger_joins, _a_process_dies, _the_network_is_cut, _the_output_is_gone):
                happen(stack, stream, first)
                _pass(_STEADY_SECONDS)
            _a_worker_dies(second)
            _pass(_STEADY_SECONDS)
        stream.wait_until_read()
        _pass(_STEADY_SECONDS)  # nothing comes
        return Day(since, well_since, well_until, time.time())


@contextlib.contextmanager
def _challenger(stack: Stack, stream: Stream) -> Iterator[LiveWorker]:
    """Another model beside the live ones, which labels most texts otherwise."""
    topic = create_topic(stream.servers, prefix="disagreements", partitions=PARTITIONS)
    started = LiveWorker(stream.worker, model="bundled", challenger_topic=topic)
    started.process.start("run", f"--challenger={stack.other_model}", "--share=0.5")
    with started.process:
        eventually(started.endpoint.is_ready, _PATIENCE_SECONDS, "the challenger is ready")
        yield started


def _pass(seconds: float) -> None:
    """Time, for Prometheus to see something of it."""
    threading.Event().wait(seconds)


def _a_stranger_joins(stack: Stack, stream: Stream, worker: LiveWorker) -> None:
    with another_member(stream):
        _pass(5)


def _a_process_dies(stack: Stack, stream: Stream, worker: LiveWorker) -> None:
    worker.signal_child(0, signal.SIGKILL)


def _the_network_is_cut(stack: Stack, stream: Stream, worker: LiveWorker) -> None:
    stack.proxy.cut()
    try:
        _pass(_CUT_SECONDS)
    finally:
        stack.proxy.resume()


def _the_output_is_gone(stack: Stack, stream: Stream, worker: LiveWorker) -> None:
    delete_topic(stream.servers, stream.output)
    aborts = "sum(emotion_aborts_total)"
    eventually(lambda: stack.prometheus.value(aborts) > 0, _PATIENCE_SECONDS, "a window is not delivered")
    make_topic(stream.servers, stream.output, PARTITIONS)


def _a_worker_dies(worker: LiveWorker) -> None:
    worker.kill()
    worker.start()
    eventually(worker.endpoint.is_ready, _PATIENCE_SECONDS, "it is back")


@contextlib.contextmanager
def _each_second(act: Callable[[], None]) -> Iterator[None]:
    """Do it, in a thread, while the block runs."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(1):
            act()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def _texts(stream: Stream, *, with_odd_ones: bool = False) -> Iterator[None]:
    """Texts, and on wish what is no text or no ordinary one, each second while the block runs."""
    samples = sample_texts(2_000)
    counter = iter(range(10**9))

    def second() -> None:
        numbers = [next(counter) for _ in range(_TEXTS_A_SECOND)]
        texts = [message(f"m{n}", samples[n % len(samples)], partition=n % PARTITIONS) for n in numbers]
        long = message("long", "a text without end " * 400, partition=0)
        broken = [NewRecord(b"no JSON", b"k", partition=1), replace(message("empty", ""), partition=2)]
        odd = [texts[0], texts[1], long, *broken, NewRecord(None, b"k", partition=3)]
        stream.produce([*texts, *odd] if with_odd_ones else texts)

    with _each_second(second):
        yield


@contextlib.contextmanager
def _requests(server: Endpoint) -> Iterator[None]:
    """Good and bad requests to `serve`, each second while the block runs."""
    body = orjson.dumps([{"text": text} for text in sample_texts(20)])

    def second() -> None:
        for path, sent in (("/label", body), ("/predict", b'{"inputs": "so happy"}'), ("/label", b"no JSON")):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            with contextlib.closing(connection), contextlib.suppress(OSError):
                connection.request("POST", path, sent)
                connection.getresponse().read()

    with _each_second(second):
        yield
