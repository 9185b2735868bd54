"""`emotion-worker serve` as users run it: a process of its own."""

import http.client
import resource
import socket
import sys
from pathlib import Path

import pytest

from tests.harness.eventually import eventually
from tests.harness.ports import free_port
from tests.harness.worker_process import WorkerProcess
from tests.worker.serve.conftest import Served
from worker.commands.serve import serve
from worker.errors import UserError
from worker.settings import load_settings


def is_refused(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def test_sigterm_lets_those_be_answered_who_have_asked_and_nobody_else(tiny_model: Path, tmp_path: Path) -> None:
    port = free_port()
    worker = WorkerProcess(tmp_path, model=tiny_model, dtype="float32", batch_tokens=512, serve_port=port)
    with worker.start("serve"):
        worker.wait_for("serve_started")
        eventually(lambda: not is_refused(port), 30, "somebody who listens")
        idle = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        idle.request("POST", "/label", b'"overheard"')
        idle.getresponse().read()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as asking:
            asking.sendall(b"POST /label HTTP/1.1\r\nHost: here\r\nContent-Length: 11\r\n\r\n")
            asked = Served(port).ask("/readyz")  # by now the head above was read: one after the other
            worker.process.terminate()
            eventually(lambda: is_refused(port), 30, "a server that lets nobody in")
            assert worker.process.poll() is None
            asking.sendall(b'"overheard"')
            answer = b"".join(iter(lambda: asking.recv(65_536), b""))
        assert asked.status == 200
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in answer
        assert worker.wait_for_exit() == 0
        idle.close()
    assert "serve_stopped" in worker.log
    assert "overheard" not in worker.log
    assert "Traceback" not in worker.log


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", r"127\.0\.0\.1"), ("::1", r"\[::1\]")])
def test_a_port_in_use_is_told_before_a_model_is_loaded(host: str, shown: str) -> None:
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=rf"EMOTION_SERVE_PORT: {shown}:{port} is in use"):
            serve(load_settings(serve_host=host, serve_port=port, model="/nowhere"))


def test_more_connections_than_files_may_be_open_are_told_before_a_model_is_loaded() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        with pytest.raises(UserError, match="MAX_CONNECTIONS: 1000, and this process may have 1024 files open: set at"):
            serve(load_settings(serve_port=free_port(), serve_max_connections=1000, model="/nowhere"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "httptools"])
def test_without_the_extra_it_says_how_to_install_it(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("starlette", "uvicorn", "httptools", "worker.serve"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"{package}, which is not installed: pip install 'emotion-labeller\[serve\]'"):
        serve(load_settings())
