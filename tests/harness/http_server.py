"""An HTTP server on a free loopback port, for what the worker talks to by HTTP."""

import ssl
import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


class PostHandler(BaseHTTPRequestHandler, ABC):
    """Answers POST requests and logs nothing of them."""

    @abstractmethod
    def answer(self, content: bytes) -> None:
        """Answer a request with this body."""

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: object) -> None:
        pass


class HttpServer:
    """Listens for as long as its `with` block."""

    def __init__(self, handler: type[PostHandler], certificate: Path | None = None) -> None:
        """Take a port.

        Args:
            handler: Answers each request.
            certificate: PEM file with key and chain; without it the server speaks plain HTTP.
        """
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
