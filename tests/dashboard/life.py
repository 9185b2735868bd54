"""A day in the life of the workers, in two minutes: what a dashboard should show happens at least once."""

import contextlib
import http.client
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import orjson

from tests.alerts.stack import PARTITIONS, LiveWorker, Stack
from tests.alerts.trials import another_member
from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, create_topic
from tests.integration.conftest import Stream, message
from worker.model.sample_texts import sample_texts

_TEXTS_A_SECOND = 200
_STEADY_SECONDS = 20
_CUT_SECONDS = 15
_PATIENCE_SECONDS = 180


def live(stack: Stack) -> tuple[float, float]:
    """Let it happen; gives its begin and end in Unix seconds."""
    stream = stack.stream()
    reviews = create_topic(stream.servers, prefix="reviews", partitions=PARTITIONS)
    settings = {
        "model": "bundled",
        "cache_texts": 10_000,
        "review_topic": reviews,
        "review_random_per_million": 100_000,
        "review_per_minute": 120,
    }
    server = LiveWorker(stream.worker, model="bundled")
    server.process.environment["EMOTION_SERVE_PORT"] = str(server.endpoint.port)
    server.process.start("serve")
    with (
        server.process,
        stack.workers(stream, beside=[server], processes=2, **settings) as (first,),
        stack.workers(stream, beside=[server, first], **settings) as (second,),
        _requests(server.endpoint),
        _texts(stream),
    ):
        since = time.time()
        _pass(_STEADY_SECONDS)
        for happen in (_a_stranger_joins, _a_process_dies, _the_network_is_cut):
            happen(stack, stream, first)
            _pass(_STEADY_SECONDS)
        _a_worker_dies(second)
        _pass(_STEADY_SECONDS)
        return since, time.time()


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
def _texts(stream: Stream) -> Iterator[None]:
    """Texts, and everything that is no text, each second while the block runs."""
    samples = sample_texts(2_000)
    counter = iter(range(10**9))

    def second() -> None:
        numbers = [next(counter) for _ in range(_TEXTS_A_SECOND)]
        texts = [message(f"m{n}", samples[n % len(samples)], partition=n % PARTITIONS) for n in numbers]
        long = message("long", "a text without end " * 400, partition=0)
        broken = [NewRecord(b"no JSON", b"k", partition=1), replace(message("empty", ""), partition=2)]
        stream.produce([*texts, texts[0], texts[1], long, *broken, NewRecord(None, b"k", partition=3)])

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
