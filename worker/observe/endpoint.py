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

_JSON = "application/json"


class _Handler(BaseHTTPRequestHandler):
    timeout = 10  # a client that says nothing must not hold a thread for ever

    def __init__(self, health: Health, registry: Registry, *arguments: object) -> None:
        self._health = health
        self._registry = registry
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/livez":
            self._answer_health("live", self._health.not_live())
        elif path == "/readyz":
            self._answer_health("ready", self._health.not_ready())
        elif path == "/metrics":
            encode, content_type = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, content_type, encode(self._registry))
        else:
            self._answer(404, _JSON, orjson.dumps({"paths": ["/livez", "/readyz", "/metrics"]}))

    def log_message(self, *_: object) -> None:
        """Nothing: probes come every few seconds."""

    def _answer_health(self, word: str, problems: list[str]) -> None:
        self._answer(503 if problems else 200, _JSON, orjson.dumps({word: not problems, "missing": problems}))

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


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
