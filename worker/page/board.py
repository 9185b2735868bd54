"""Texts as they are answered, for every browser that looks on; one that is slow misses some, and is told how many."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import orjson

MAX_TEXTS = 200  # a browser shows no more
_MAX_CHARACTERS = 500  # of a text; with MAX_TEXTS this bounds what a browser can make us keep


class Feed:
    """The newest texts that one browser was not sent yet. Older ones are dropped, and counted."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        self._texts = deque(texts, maxlen=MAX_TEXTS)
        self._dropped = 0
        self._lock = threading.Lock()

    def put(self, text: bytes) -> None:
        """Add one; it never waits."""
        with self._lock:
            self._dropped += len(self._texts) == MAX_TEXTS
            self._texts.append(text)

    def take(self) -> tuple[list[bytes], int]:
        """All of them as JSON, oldest first, and how many were dropped since the last time."""
        with self._lock:
            taken = list(self._texts), self._dropped
            self._texts.clear()
            self._dropped = 0
        return taken


class Board:
    """Where texts are put up."""

    def __init__(self) -> None:
        self._newest: deque[bytes] = deque(maxlen=MAX_TEXTS)
        self._feeds: set[Feed] = set()
        self._lock = threading.Lock()

    def put(self, text: str, answer: Mapping[str, object]) -> None:
        """Show a text with its answer; of a long one its beginning, and how long it is."""
        shown = orjson.dumps({"text": text[:_MAX_CHARACTERS], "characters": len(text), **answer})
        with self._lock:
            self._newest.append(shown)
            for feed in self._feeds:
                feed.put(shown)

    @contextmanager
    def feed(self) -> Iterator[Feed]:
        """What one browser is sent while the block runs; it begins with the texts that came last."""
        with self._lock:
            feed = Feed(self._newest)
            self._feeds.add(feed)
        try:
            yield feed
        finally:
            with self._lock:
                self._feeds.discard(feed)
