"""A TCP proxy in front of one broker: cuts, stalls, delays, and swallows single answers."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

FETCH = 1  # the api keys of requests
API_VERSIONS = 18
INIT_PRODUCER_ID = 22
END_TXN = 26
SASL_AUTHENTICATE = 36


class TcpProxy:
    """Forwards whole Kafka frames between a port and a broker on the loopback address."""

    def __init__(self, port: int, upstream_port: int) -> None:
        self.latency_s = 0.0  # waited before each frame, in both directions
        self.swallowed: list[int] = []  # the api keys of the answers that never arrived, in order
        self.on_request: Callable[[int, bytes], object] = lambda *_: None  # told the api key and the frame of each
        self._address = ("127.0.0.1", port)
        self._upstream = ("127.0.0.1", upstream_port)
        self._to_swallow: list[int] = []
        self._blows: dict[int, list[Callable[[], object]]] = {}  # api key → what each of its next answers calls
        self._changes: dict[int, Callable[[bytearray], object]] = {}
        self._flowing = threading.Event()
        self._closed = threading.Event()
        self._listener: socket.socket | None = None
        self._sockets: set[socket.socket] = set()

    def rewrite(self, api_key: int, change: Callable[[bytearray], object]) -> None:
        """Let `change` alter every answer of this kind, its size kept."""
        self._changes[api_key] = change

    @property
    def address(self) -> str:
        """Host and port to connect to."""
        return "{}:{}".format(*self._address)

    def resume(self) -> None:
        """Let everything through again, new connections included."""
        self._flowing.set()
        if self._listener is None:
            self._listener = socket.create_server(self._address)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stall(self) -> None:
        """Connections stay open and new ones are taken, but nothing passes until `resume`."""
        self._flowing.clear()

    def cut(self) -> None:
        """Break every connection and refuse new ones until `resume`."""
        listener, self._listener = self._listener, None
        if listener is not None:
            _close(listener)
        self.cut_connections()

    def cut_connections(self) -> None:
        """Break every connection; new ones are taken at once."""
        for each in list(self._sockets):
            _close(each)

    def swallow(self, api_key: int, times: int = 1) -> None:
        """Let the next requests of this kind reach the broker, but never their answers to the client."""
        self._to_swallow += [api_key] * times

    def strike(self, api_key: int, blow: Callable[[], object], after: int = 0) -> None:
        """Call `blow` once, when an answer of this kind has left the broker and before it reaches the client.

        Args:
            api_key: The kind.
            blow: What happens.
            after: So many answers of the kind pass before.
        """
        self._blows[api_key] = [lambda: None] * after + [blow]

    def __enter__(self) -> Self:
        self.resume()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._flowing.set()
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # the listener was closed
                return
            try:
                broker = socket.create_connection(self._upstream)
            except OSError:
                _close(client)
                continue
            self._sockets |= {client, broker}
            asked: dict[int, int] = {}  # correlation id → api key
            for source, target, is_request in ((client, broker, True), (broker, client, False)):
                threading.Thread(target=self._pump, args=(source, target, asked, is_request), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, asked: dict[int, int], is_request: bool) -> None:
        with contextlib.suppress(OSError):
            for frame in frames(source):
                if is_request:
                    api_key, _version, correlation_id = struct.unpack_from(">hhi", frame, 4)
                    asked[correlation_id] = api_key
                    self.on_request(api_key, frame)
                else:
                    api_key = asked.pop(struct.unpack_from(">i", frame, 4)[0], -1)
                    if api_key in self._to_swallow:
                        self._to_swallow.remove(api_key)
                        self.swallowed.append(api_key)
                        continue
                    if change := self._changes.get(api_key):
                        change(changed := bytearray(frame))
                        frame = bytes(changed)
                    if blows := self._blows.get(api_key):
                        blows.pop(0)()
                self._closed.wait(self.latency_s)
                self._flowing.wait()
                target.sendall(frame)
        for each in (source, target):
            _close(each)
            self._sockets.discard(each)


def frames(source: socket.socket) -> Iterator[bytes]:
    """Size and body of one request or answer after the other, until the connection ends."""
    with source.makefile("rb") as stream:
        while len(size := stream.read(4)) == 4:
            yield size + stream.read(struct.unpack(">i", size)[0])


def _close(each: socket.socket) -> None:
    with contextlib.suppress(OSError):  # not connected any more
        each.shutdown(socket.SHUT_RDWR)
    each.close()
