"""What often stands before a schema registry: a proxy that asks for a password, and may speak TLS and forbid things."""

import base64
import ssl
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

USER, PASSWORD = "registry-user", "open:sesame"


class GuardedRegistry:
    """Passes requests on to a registry. Use it in a `with` block."""

    def __init__(self, registry_url: str, certificate: Path | None = None, may_register: bool = True) -> None:
        """Listen.

        Args:
            registry_url: Where requests go.
            certificate: PEM file with key and chain; without it the proxy speaks plain HTTP.
            may_register: Whether the user may register schemas.
        """
        self.out_of_order = 0  # so many requests are answered with 503
        behind = urlsplit(registry_url)
        right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Authorization"] != right:
                    self._answer(401, b"<html>who are you?</html>")
                elif front.out_of_order:
                    front.out_of_order -= 1
                    self._answer(503, b"")
                elif self.path.endswith("/versions") and not may_register:
                    self._answer(403, b'{"error_code": 40301, "message": "User is denied operation Write"}')
                else:
                    self._pass_on(content)

            def _pass_on(self, content: bytes) -> None:
                connection = HTTPConnection(behind.netloc, timeout=60)
                connection.request("POST", behind.path + self.path, content, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                self._answer(answer.status, answer.read())
                connection.close()

            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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
