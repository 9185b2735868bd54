"""What browsers are sent as long as they look on: server-sent events (WHATWG HTML, 9.2)."""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import orjson

from worker.page.board import Board, Feed
from worker.page.document import page_document, page_headers

PATH = "/page"
EVENTS_PATH = "/page/events"
MAX_BROWSERS = 16
_RETRY_MS = 3_000  # after which a browser that was cut off comes again
_FIGURES_SECONDS, _TEXTS_SECONDS = 1.0, 0.25
_HEARTBEAT = b":\n\n"


class Page:
    """The page of one server."""

    def __init__(
        self,
        figures: Callable[[float], list[dict[str, Any]]],
        is_over: Callable[[], bool],
        board: Board | None = None,
    ) -> None:
        """Prepare it.

        Args:
            figures: Those since some `at_seconds`, the newest last; asked several times a second.
            is_over: Whether streams are to end.
            board: Texts; None: the page shows none.
        """
        self.document = page_document(with_texts=board is not None)
        self.headers = page_headers(self.document)
        self.interval_seconds = _FIGURES_SECONDS if board is None else _TEXTS_SECONDS
        self._figures = figures
        self._is_over = is_over
        self._board = board
        self._places = threading.BoundedSemaphore(MAX_BROWSERS)

    def events(self) -> Generator[bytes, None, None]:
        """What one browser is sent, to be taken every `interval_seconds`; close it when the browser is gone."""
        if not self._places.acquire(blocking=False):
            yield _event({"full": MAX_BROWSERS})
            return
        try:
            yield b"retry: %d\n\n" % _RETRY_MS
            with self._board.feed() if self._board else nullcontext() as feed:
                yield from self._news(feed)
        finally:
            self._places.release()

    def _news(self, feed: Feed | None) -> Iterator[bytes]:
        sent_until = 0.0
        while not self._is_over():
            news: dict[str, object] = {}
            if figures := self._figures(sent_until):
                news["figures"] = figures
                sent_until = figures[-1]["at_seconds"]
            texts, dropped = feed.take() if feed else ([], 0)
            if texts:
                news |= {"texts": list(map(orjson.Fragment, texts)), "dropped": dropped}
            yield _event(news) if news else _HEARTBEAT


def _event(data: Mapping[str, object]) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(data)
