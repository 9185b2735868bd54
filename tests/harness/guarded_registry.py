"""What often stands before a schema registry: a proxy that asks for a password, and may speak TLS and forbid things.

It knows GUIDs too, as newer registries do: that of a schema is its id.
"""

import base64
import re
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from tests.harness.http_server import HttpServer, PostHandler

USER, PASSWORD = "registry-user", "open:sesame"

_GUID = re.compile(r"(?<=/schemas/)guids/([0-9a-f-]+)")


class GuardedRegistry(HttpServer):
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

        class Handler(PostHandler):
            def do_GET(self) -> None:  # noqa: N802 - as http.server has it
                self.answer(b"")

            def answer(self, content: bytes) -> None:
                if self.headers["Authorization"] != right:
                    self._send(401, b"<html>who are you?</html>")
                elif front.out_of_order:
                    front.out_of_order -= 1
                    self._send(503, b"")
                elif self.path.endswith("/versions") and not may_register:
                    self._send(403, b'{"error_code": 40301, "message": "User is denied operation Write"}')
                else:
                    self._pass_on(content)

            def _pass_on(self, content: bytes) -> None:
                connection = HTTPConnection(behind.netloc, timeout=60)
                path = _GUID.sub(lambda guid: f"ids/{UUID(guid[1]).int}", behind.path + self.path)
                connection.request(self.command, path, content, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                self._send(answer.status, _with_guid(answer.read()))
                connection.close()

            def _send(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

        super().__init__(Handler, certificate)


def _with_guid(content: bytes) -> bytes:
    found = orjson.loads(content)
    has_id = isinstance(found, dict) and "id" in found
    return orjson.dumps(found | {"guid": str(UUID(int=found["id"]))}) if has_id else content
