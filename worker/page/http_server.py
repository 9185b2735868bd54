"""A small HTTP server in threads, which knows how to answer for a page."""

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, ThreadingTCPServer

from worker.page.page import EVENTS_PATH, PATH, Page

_CLIENT_SECONDS = 10  # a client that says nothing, or takes nothing, must not hold a thread for ever
_SEND_BUFFER_BYTES = 65_536


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    timeout = _CLIENT_SECONDS

    def answer_page(self, page: Page) -> bool:
        """Answer if the path is one of the page's; gives whether it is."""
        path = self.path.partition("?")[0]
        if path == PATH:
            self.send(200, "text/html; charset=utf-8", page.document, page.headers)
        elif path == EVENTS_PATH:
            self._send_events(page)
        return path in (PATH, EVENTS_PATH)

    def send(self, status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """A whole answer."""
        self._send_head(status, {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})})
        self.wfile.write(body)

    def _send_head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_events(self, page: Page) -> None:
        """Until the browser is gone, or does not read."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # without it a browser whose network is gone is kept for minutes
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _CLIENT_SECONDS * 1000)
        self._send_head(200, {"Content-Type": "text/event-stream", **page.headers})
        interval = threading.Event()
        with closing(page.events()) as events:
            for event in events:
                self.wfile.write(event)
                interval.wait(page.interval_seconds)

    def log_message(self, *_: object) -> None:
        """Nothing: probes come every few seconds."""


class Server(ThreadingTCPServer):
    """Each connection in a thread of its own, which does not keep the process from ending."""

    allow_reuse_address = True  # a restart need not wait for old connections to time out
    daemon_threads = True

    def __init__(self, address: tuple[str, int], make_handler: Callable[..., BaseRequestHandler]) -> None:
        """Listen; at `::` also to who comes over IPv4."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, make_handler)

    def server_bind(self) -> None:
        """Say so before the address is taken: it cannot be said afterwards."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, *_: object) -> None:
        """Nothing: a client that went away is its own affair."""
