"""A broker's port as Amazon MSK has it with IAM: TLS, and a login that is checked here; the rest is the broker's.

What a signature should be is computed by botocore, AWS's own code, from the secret that both sides know.
"""

import contextlib
import json
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.harness.proxy import SASL_AUTHENTICATE, frames

SASL_HANDSHAKE, API_VERSIONS = 17, 18
MECHANISM = b"AWS_MSK_IAM"
_FAILED = 58  # SASL_AUTHENTICATION_FAILED
_LIFE = "900"  # seconds of a signature


@dataclass
class IamFront:
    """Listens for as long as its `with` block.

    `session_lifetime_ms`: after it brokers want a login again (KIP-368); MSK says 12 hours.
    """

    port: int
    upstream_port: int
    certificate: Path  # PEM file with key and chain
    credentials: Credentials
    region: str
    host: str = "127.0.0.1"
    session_lifetime_ms: int = 0
    refused: list[str] = field(default_factory=list)
    logins: list[int] = field(default_factory=list)  # a number for each connection

    def __enter__(self) -> Self:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate)
        self._listener = socket.create_server((self.host, self.port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client, number), daemon=True).start()
            number += 1

    def _serve(self, client: socket.socket, number: int) -> None:
        """One connection, a request after the other, as brokers do it."""
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(client, server_side=True) as tls,
            socket.create_connection((self.host, self.upstream_port)) as broker,
        ):
            answers = frames(broker)
            is_known = False
            for frame in frames(tls):
                api_key, _, correlation_id = struct.unpack_from(">hhi", frame, 4)
                if api_key == SASL_HANDSHAKE:
                    named = struct.pack(">hih", 0, 1, len(MECHANISM)) + MECHANISM
                    tls.sendall(_framed(struct.pack(">i", correlation_id) + named))
                elif api_key == SASL_AUTHENTICATE:
                    problem = self._problem(json.loads(frame[frame.index(b"{") : frame.rindex(b"}") + 1]))
                    tls.sendall(self._answer(correlation_id, problem))
                    is_known = problem is None
                    if problem:
                        self.refused.append(problem)
                        return
                    self.logins.append(number)
                elif is_known or api_key == API_VERSIONS:
                    broker.sendall(frame)
                    tls.sendall(next(answers))
                else:
                    return

    def _problem(self, said: dict[str, Any]) -> str | None:
        """Why MSK would not take this login."""
        access_key, day, region, *rest = said["x-amz-credential"].split("/")
        expected = {
            "version": "2020_10_22",
            "host": self.host,
            "action": "kafka-cluster:Connect",
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-signedheaders": "host",
            "x-amz-expires": _LIFE,
        }
        wrong = [name for name, value in expected.items() if said[name] != value]
        if access_key != self.credentials.access_key or said.get("x-amz-security-token") != self.credentials.token:
            wrong.append("access key or token")
        if (region, *rest) != (self.region, "kafka-cluster", "aws4_request"):
            wrong.append("scope")
        signed_at = datetime.strptime(said["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs((datetime.now(UTC) - signed_at).total_seconds()) > int(_LIFE) or day != f"{signed_at:%Y%m%d}":
            wrong.append("date")
        if not wrong and said["x-amz-signature"] != self._signature(said["x-amz-date"]):
            wrong.append("signature")
        return ", ".join(wrong) or None

    def _signature(self, timestamp: str) -> str:
        auth = SigV4QueryAuth(self.credentials, "kafka-cluster", self.region, int(_LIFE))
        request = AWSRequest("GET", f"https://{self.host}/?Action=kafka-cluster%3AConnect")
        request.context["timestamp"] = timestamp
        auth._modify_request_before_signing(request)
        to_sign = auth.string_to_sign(request, auth.canonical_request(request))
        return str(auth.signature(to_sign, request))

    def _answer(self, correlation_id: int, problem: str | None) -> bytes:
        """SaslAuthenticate, version 2: in compact strings a length counts one more, and 0 says null."""
        says = b"Access denied" if problem else b""
        told = b"" if problem else b'{"version":"2020_10_22","request-id":"1"}'
        body = struct.pack(">h", _FAILED if problem else 0)
        body += bytes([len(says) + 1]) + says if problem else b"\0"
        body += bytes([len(told) + 1]) + told + struct.pack(">q", self.session_lifetime_ms) + b"\0"
        return _framed(struct.pack(">i", correlation_id) + b"\0" + body)


def _framed(content: bytes) -> bytes:
    return struct.pack(">i", len(content)) + content
