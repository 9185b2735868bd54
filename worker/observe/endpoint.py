"""The HTTP endpoint: /livez, /readyz, /metrics and, if asked for, the page, in threads beside the loop."""

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import orjson
from prometheus_client.exposition import choose_encoder

from worker.errors import UserError
from worker.observe.figures import Figures
from worker.observe.health import Health
from worker.observe.metrics import Registry
from worker.page.http_server import Handler, Server
from worker.page.page import Page

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


_ALL_ADDRESSES = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - probes come from outside


class _Handler(Handler):
    def __init__(self, health: Health, registry: Registry, page: Page | None, *arguments: object) -> None:
        self._health = health
        self._registry = registry
        self._page = page
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:  # noqa: N802 - as http.server calls it
        if self._page is None or not self.answer_page(self._page):
            self.send(*answer(self._health, self._registry, self.path, self.headers.get("Accept", "")))


@contextmanager
def endpoint(port: int, health: Health, registry: Registry, with_page: bool = False) -> Iterator[None]:
    """Answer on `port` of all addresses for as long as the block runs; 0: do not.

    Raises:
        UserError: The port cannot be had.
    """
    if not port:
        if with_page:
            raise UserError("EMOTION_PAGE: EMOTION_HTTP_PORT is 0", "set a port for the page")
        yield
        return
    over = threading.Event()
    page = Page(Figures(registry).since, over.is_set) if with_page else None
    try:
        server = Server((_ALL_ADDRESSES, port), partial(_Handler, health, registry, page))
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be had ({error.strerror})"
        raise UserError(f"EMOTION_HTTP_PORT: port {port} {why}: set another one, or 0 for no endpoint") from error
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        server.shutdown()
        server.server_close()
