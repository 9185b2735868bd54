"""The HTTP endpoint: /livez, /readyz and /metrics, in a thread beside the loop."""

import errno
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

import orjson
from prometheus_client.exposition import choose_encoder

from worker.errors import UserError
from worker.observe.health import Health
from worker.observe.metrics import Registry

PATHS = ("/livez", "/readyz", "/metrics")
_JSON = "application/json"


def answer(health: Health, registry: Registry, path: str, accept: str) -> tuple[int, str, bytes]:
    """Status, content type and body for a GET of `path`; `accept` is the header of that name."""
    path = path.partition("?")[0]
    if path == "/livez":
        return _told("live", health.not_live())
    if path == "/readyz":
        return _told("ready", health.not_ready())
    if path == "/metrics":
        encode, content_type = choose_encoder(accept)
        return 200, content_type, encode(registry)
    return 404, _JSON, orjson.dumps({"paths": PATHS})


def _told(word: str, problems: list[str]) -> tuple[int, str, bytes]:
    return 503 if problems else 200, _JSON, orjson.dumps({word: not problems, "missing": problems})


class _Handler(BaseHTTPRequestHandler):
    timeout = 10  # a client that says nothing must not hold a thread for ever

    def __init__(self, health: Health, registry: Registry, *arguments: object) -> None:
        self._health = health
        self._registry = registry
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        status, content_type, body = answer(self._health, self._registry, self.path, self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: probes come every few seconds."""


class _Server(ThreadingTCPServer):
    allow_reuse_address = True  # a restart need not wait for old connections to time out
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing: a client that went away is its own affair."""


@contextmanager
def endpoint(port: int, health: Health, registry: Registry) -> Iterator[None]:
    """Answer on `port` of all addresses for as long as the block runs; 0: do not.

    Raises:
        UserError: The port cannot be had.
    """
    if not port:
        yield
        return
    try:
        server = _Server(("0.0.0.0", port), partial(_Handler, health, registry))  # noqa: S104 - probes come from outside
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise UserError(f"EMOTION_HTTP_PORT: port {port} {why}: set another one, or 0 for no endpoint") from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
