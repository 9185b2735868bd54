"""The server: uvicorn on one address until an event says stop; what was asked by then is answered."""

import asyncio
import errno
import logging
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

from worker.errors import UserError
from worker.serve.batching import BatchingQueue
from worker.serve.protocol import Limits, patient_protocol

_OTHER_FILES = 128  # that a process has open beside its connections, at most
_KEEP_ALIVE_SECONDS = 75  # longer than pools of clients and proxies keep what is idle, so that they close first


class _Server(uvicorn.Server):
    """uvicorn, told to stop by an event: by itself it would end by the signal, and not with 0."""

    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to whoever sets the event."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop; asked ten times a second."""
        return await super().on_tick(counter) or self._stop.is_set()


def open_socket(host: str, port: int) -> socket.socket:
    """An address, taken before the model is loaded; until somebody listens there, clients are turned away.

    Raises:
        UserError: It cannot be had.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        words = f"EMOTION_SERVE_HOST, EMOTION_SERVE_PORT: {written(host, port)} {why}"
        raise UserError(words, "set another one") from error
    return opened


def written(host: str, port: int) -> str:
    """An address as people write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_open_files(max_connections: int) -> None:
    """Whether so many connections may be open at once: past the system's limit nobody would be told anything.

    Raises:
        UserError: They may not.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and max_connections > files - _OTHER_FILES:
        raise UserError(
            f"EMOTION_SERVE_MAX_CONNECTIONS: {max_connections}, and this process may have {files} files open",
            f"set at most {max(1, files - _OTHER_FILES)}, or raise that limit (ulimit -n)",
        )


def run(app: ASGIApp, queue: BatchingQueue, opened: socket.socket, stop: threading.Event, limits: Limits) -> None:
    """Serve until `stop` is set. Whatever breaks the model stops it as well, and is raised at the end."""
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # below, it tells of each client that is wrong
    config = uvicorn.Config(
        app,
        http=patient_protocol(limits),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here looks at the client's address
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:  # uvloop where it is installed
        runner.run(_run(_Server(config, stop), queue, opened, stop))


async def _run(server: _Server, queue: BatchingQueue, opened: socket.socket, stop: threading.Event) -> None:
    computing = asyncio.create_task(queue.run())
    computing.add_done_callback(lambda _: stop.set())
    await server.serve([opened])
    computing.cancel()
    with suppress(asyncio.CancelledError):
        await computing
