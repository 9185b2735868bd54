"""uvicorn's HTTP protocol, with an end to its patience: it waits for ever for a head, and for who does not read."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import httptools
import orjson
from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_MAX_HEAD_BYTES = 65_536
_EXTENSION = "emotion.client"
_KINDS = {408: "Timeout", 503: "Overloaded"}


@dataclass(frozen=True)
class Limits:
    """Of connections. `on_change` is told how many there are, `on_refused` of each that finds no room."""

    timeout_ms: int
    max_connections: int
    on_change: Callable[[int], object]
    on_refused: Callable[[], object]


def patient_protocol(limits: Limits) -> type[HttpToolsProtocol]:
    """A protocol whose clients have so long for a head, for a body that is not read, and to take an answer."""
    return type("PatientProtocol", (_PatientProtocol,), {"limits": limits})


def is_gone(request: Request) -> Callable[[], bool]:
    """Says whether the client of a request is still there; to ask costs nothing."""
    asked: Callable[[], bool] = request.scope["extensions"][_EXTENSION]["is_gone"]
    return asked


class _PatientProtocol(HttpToolsProtocol):
    """Two clocks a connection: one for what should come, one for what should be taken."""

    limits: Limits
    _coming: asyncio.TimerHandle | None = None
    _leaving: asyncio.TimerHandle | None = None
    _is_in_head = True
    _head_bytes = 0
    _is_offer = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.limits.on_change(len(self.connections))
        transport.set_write_buffer_limits(high=0)  # so that pausing says: there is an answer that nobody takes
        if len(self.connections) > self.limits.max_connections:
            self.limits.on_refused()
            words = f"{self.limits.max_connections} connections are open (EMOTION_SERVE_MAX_CONNECTIONS): try again"
            self._end(503, words, b"retry-after: 1\r\n")
            return
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        for clock in (self._coming, self._leaving):
            if clock is not None:
                clock.cancel()
        super().connection_lost(exc)
        self.limits.on_change(len(self.connections))

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
            return
        self._head_bytes = self._head_bytes + len(data) if self._is_in_head else 0
        if self._head_bytes > _MAX_HEAD_BYTES:
            self._end(431, f"the head of the request has more than {_MAX_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"is_gone": self.transport.is_closing}}
        self._is_in_head = True
        self._expect()

    def on_headers_complete(self) -> None:
        self._is_offer = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._is_offer:
            return
        self._is_in_head = False
        self._has_come()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._is_offer:
            return
        self._has_come()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.more_body:  # it was refused before its end: the rest is passed over, for a while
            self._expect()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._leaving = self._in_time(self.transport.abort)

    def resume_writing(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        self._end(400, msg)

    def _parse(self, data: bytes) -> None:
        """Pass over the offer to speak another protocol: the parser would pass over the body that comes with it."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            head = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
            fields = b"".join(b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade")
            self.parser = httptools.HttpRequestParser(self)
            self._parse(head + fields + b"\r\n" + data[offer.args[0] :])

    def _expect(self) -> None:
        self._has_come()
        self._coming = self._in_time(self._too_slow)

    def _has_come(self) -> None:
        if self._coming is not None:
            self._coming.cancel()

    def _in_time(self, call: Callable[[], object]) -> asyncio.TimerHandle:
        return self.loop.call_later(self.limits.timeout_ms / 1000, call)

    def _too_slow(self) -> None:
        if self._is_in_head and self._head_bytes:
            self._end(408, f"the request did not come within {self.limits.timeout_ms} ms (EMOTION_SERVE_TIMEOUT_MS)")
        else:
            self.transport.close()

    def _end(self, status: int, words: str, more: bytes = b"") -> None:
        """Refuse what is no request yet."""
        body = orjson.dumps({"error": words, "error_type": _KINDS.get(status, "Validation")})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + more + b"\r\n" + body)
        self.transport.close()
