"""An OAuth 2.0 token endpoint that hands out unsigned tokens, as Kafka takes them where no issuer is set up."""

import base64
import json
import time
from urllib.parse import quote

from tests.harness.http_server import HttpServer, PostHandler


class TokenEndpoint(HttpServer):
    """Listens for as long as its `with` block; counts what it was asked."""

    def __init__(self, user: str, client_id: str, client_secret: str, expires_in: float = 3600) -> None:
        self.user = user
        self.expires_in = expires_in
        self.status = 200
        self.requests: list[str] = []
        login = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
        self._authorization = "Basic " + base64.b64encode(login.encode()).decode()
        endpoint = self

        class Handler(PostHandler):
            def answer(self, content: bytes) -> None:
                endpoint.requests.append(content.decode())
                known = self.headers["Authorization"] == endpoint._authorization
                self.send_response(endpoint.status if known else 401)
                if endpoint.status == 302:
                    self.send_header("Location", endpoint.url + "/elsewhere")
                self.end_headers()
                if known:
                    answer = {"access_token": endpoint.token(), "expires_in": endpoint.expires_in}
                    self.wfile.write(json.dumps(answer).encode())

        super().__init__(Handler)
        self.url += "/token"

    def token(self) -> str:
        """A JWT without a signature, good for an hour."""
        now = int(time.time())
        claims = {"sub": self.user, "iat": now, "exp": now + 3600}
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
