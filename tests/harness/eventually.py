"""Waiting for a condition, never for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], timeout_s: float, what: str, interval_s: float = 0.05) -> T:
    """Ask until the answer is truthy, and give that answer back.

    Raises:
        AssertionError: the deadline passed; says what was waited for and what was answered last.
    """
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not (answer := condition()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}; last answer: {answer!r}")
        pause.wait(interval_s)
    return answer
