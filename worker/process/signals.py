"""What SIGTERM and SIGINT do: they end the process at once as long as it has nothing to finish, then let it finish."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_Handle = Callable[[int, FrameType | None], None]


def end_at_once_on_signals() -> None:
    """From now on a signal ends the process, with exit code 0.

    Python's own way out waits for what a start waits for, and the first process of a container has none.
    """
    _handle(lambda *_: os._exit(0))


@contextmanager
def stop_on_signals(
    stop: threading.Event | None = None, at_once: Callable[[], None] = lambda: None
) -> Iterator[threading.Event]:
    """An event, `stop` if one is given, that a signal sets; a second one calls `at_once` and ends the process."""
    event = stop or threading.Event()

    def handle(number: int, _: object) -> None:
        if event.is_set():
            at_once()
            os._exit(128 + number)
        event.set()

    previous = _handle(handle)
    try:
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _handle(handle: _Handle) -> dict[int, Any]:
    return {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
