"""The demo's page: its texts as they flow, and a box to type into whose text goes through the broker."""

import ipaddress
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from worker.commands.conversation import Answer, SentText
from worker.errors import UserError
from worker.observe.figures import Figures
from worker.observe.metrics import Meters, Registry
from worker.observe.stream_metrics import (
    DEAD_LETTERS,
    END_TO_END_SECONDS,
    LABELS,
    LAG_RECORDS,
    LAG_SECONDS,
    NOT_CONFIDENT,
    RECORDS,
)
from worker.page.board import Board
from worker.page.http_server import Handler, Server
from worker.page.page import PATH, Page

TEXTS_PATH = "/page/texts"
_MAX_TEXT_BYTES = 100_000
_MAX_WAITING = 64  # texts from pages without an answer yet
_ANSWER_SECONDS = 60
_JSON = "application/json"


class Address(NamedTuple):
    """Where the page listens; port 0: any free one."""

    host: str = "127.0.0.1"
    port: int = 0


class DemoPage:
    """What the demo tells its page, and the texts that the page hands in."""

    def __init__(self) -> None:
        self.typed: queue.SimpleQueue[SentText] = queue.SimpleQueue()
        self.places = threading.BoundedSemaphore(_MAX_WAITING)
        self.over = threading.Event()
        self._board, registry = Board(), Registry()
        self._meters = Meters("loop", registry)
        self._figures = Figures(registry)
        self.page = Page(self._figures.since, self.over.is_set, self._board)

    def show(self, text: SentText, answer: Answer) -> None:
        """Put up a text with its answer, and count it."""
        self._board.put(text.text.decode(errors="replace"), answer.fields())
        self._meters[RECORDS].inc()
        self._meters[END_TO_END_SECONDS].observe(text.age_seconds)
        if answer.dead_letter is None:
            self._meters[LABELS].labels(answer.label).inc()
            self._meters[NOT_CONFIDENT].inc(answer.confident is False)
        else:
            self._meters[DEAD_LETTERS].labels(answer.dead_letter).inc()

    def refresh(self, texts: int, seconds: float) -> None:
        """So many texts have no answer, the oldest for so long; keep the figures for browsers that come later."""
        self._meters[LAG_RECORDS].labels("", "").set(texts)
        self._meters[LAG_SECONDS].labels("", "").set(seconds)
        self._figures.since(time.time())


class _Handler(Handler):
    def __init__(self, demo: DemoPage, host: str, *arguments: object) -> None:
        self._demo = demo
        self._host = host
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:  # noqa: N802 - as http.server calls it
        if not self._is_asked_by_its_name():
            self._refuse(403, "ask by an address, or by the name that --page was given")
        elif not self.answer_page(self._demo.page):
            self._refuse(404, f"there is {PATH}")

    def do_POST(self) -> None:  # noqa: N802
        """A text; it is answered with its label, once that has come back."""
        if self.path != TEXTS_PATH:
            self._refuse(404, f"there is {TEXTS_PATH}")
        elif not self._is_asked_by_its_name() or self.headers["Origin"] != f"http://{self.headers['Host']}":
            self._refuse(403, "only the page itself may send texts")
        elif not (length := self.headers.get("Content-Length", "")).isdecimal():
            self._refuse(411, "the request must say how long it is")
        elif int(length) > _MAX_TEXT_BYTES:
            self.rfile.read(min(int(length), 10 * _MAX_TEXT_BYTES))  # what is left unread may cost the answer
            self._refuse(413, f"a text may have {_MAX_TEXT_BYTES} bytes")
        else:
            self._label(SentText(self.rfile.read(int(length))))

    def _label(self, text: SentText) -> None:
        if not self._demo.places.acquire(blocking=False):
            self._refuse(429, "too many texts wait: try again")
            return
        try:
            self._demo.typed.put(text)
            answer = text.answer.result(_ANSWER_SECONDS)
        except TimeoutError:
            self._refuse(504, f"no answer within {_ANSWER_SECONDS} s")
        else:
            self.send(200, _JSON, orjson.dumps(answer.fields()), self._demo.page.headers)
        finally:
            self._demo.places.release()

    def _is_asked_by_its_name(self) -> bool:
        """A name that somebody else's web server has could have been pointed at this machine (DNS rebinding)."""
        try:
            name = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
            if name not in ("localhost", self._host.lower()):
                ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _refuse(self, status: int, words: str) -> None:
        self.send(status, _JSON, orjson.dumps({"error": words}), self._demo.page.headers)


@contextmanager
def demo_page(address: Address) -> Iterator[tuple[DemoPage, str]]:
    """Serve it for as long as the block runs; gives it with its URL.

    Raises:
        UserError: The address cannot be had.
    """
    demo = DemoPage()
    try:
        server = Server(address, partial(_Handler, demo, address.host))
    except OSError as error:
        raise UserError(f"--page: {address.host}:{address.port}: {error.strerror}", "name another one") from error
    threading.Thread(target=server.serve_forever, args=(0.1,), name="page", daemon=True).start()
    try:
        host = f"[{address.host}]" if ":" in address.host else address.host
        yield demo, f"http://{host}:{server.server_address[1]}{PATH}"
    finally:
        demo.over.set()
        server.shutdown()
        server.server_close()
