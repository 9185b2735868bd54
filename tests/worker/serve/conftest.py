"""`serve` on a real socket, in a thread of the tests' process, with the tiny model."""

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.harness.eventually import eventually
from tests.harness.ports import free_port
from worker.observe.tracing import TracedRequest, not_traced
from worker.serve.build import make_server
from worker.settings import load_settings


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A server under test, asked one connection a request."""

    port: int

    def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        connection.request(method or ("GET" if body is None else "POST"), path, sent, headers)
        answer = connection.getresponse()
        found = Answer(answer.status, dict(answer.headers), answer.read())
        connection.close()
        return found

    def metric(self, name: str) -> float:
        lines = self.ask("/metrics").body.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].split()[0] == name)


Serving = Callable[..., AbstractContextManager[Served]]


def _is_ready(served: Served) -> bool:
    try:
        return served.ask("/readyz").status == 200
    except OSError:
        return False


@contextmanager
def serving(model: Path, traced: TracedRequest = not_traced, **settings: Any) -> Iterator[Served]:
    """A server for as long as the block runs; it must end by itself then."""
    port, stop = free_port(), threading.Event()
    common: dict[str, Any] = {"model": str(model), "device": "cpu", "dtype": "float32", "batch_tokens": 512}
    run = make_server(load_settings(**common | {"serve_port": port} | settings), stop, traced)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    served = Served(port)
    try:
        eventually(lambda: _is_ready(served), 30, "a server that is ready")
        yield served
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def served(tiny_model: Path) -> Iterator[Served]:
    """One with the limits as they are by default, shared by all tests."""
    with serving(tiny_model) as server:
        yield server
