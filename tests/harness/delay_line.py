"""A TCP proxy in front of a broker that is far away: all that passes comes later, and nothing comes slower."""

import contextlib
import queue
import socket
import threading
import time
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 1 << 18


class DelayLine:
    """Forwards bytes between two ports of the loopback address, each half a round trip after it was sent."""

    def __init__(self, port: int, upstream_port: int, round_trip_s: float) -> None:
        self._port = port
        self._upstream = ("127.0.0.1", upstream_port)
        self._delay_s = round_trip_s / 2
        self._sockets: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._sockets):
            _close(each)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                broker = socket.create_connection(self._upstream)
                self._sockets |= {client, broker}
                for source, target in ((client, broker), (broker, client)):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
                    threading.Thread(target=self._take, args=(source, under_way), daemon=True).start()
                    threading.Thread(target=self._give, args=(target, under_way), daemon=True).start()

    def _take(self, source: socket.socket, under_way: "queue.SimpleQueue[tuple[float, bytes]]") -> None:
        data = b"?"
        while data:
            try:
                data = source.recv(_CHUNK_BYTES)
            except OSError:
                data = b""
            under_way.put((time.monotonic() + self._delay_s, data))

    def _give(self, target: socket.socket, under_way: "queue.SimpleQueue[tuple[float, bytes]]") -> None:
        with contextlib.suppress(OSError):
            while True:
                due, data = under_way.get()
                time.sleep(max(0.0, due - time.monotonic()))
                if not data:
                    break
                target.sendall(data)
        _close(target)
        self._sockets.discard(target)


def _close(each: socket.socket) -> None:
    with contextlib.suppress(OSError):  # not connected any more
        each.shutdown(socket.SHUT_RDWR)
    each.close()
