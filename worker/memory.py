"""Memory that is free, back to the system."""

import ctypes
import gc
from contextlib import suppress


def give_back() -> None:
    """Free what hangs in cycles, as fetched bytes do in the client, and give back what is free; some milliseconds.

    The collector comes seldom, and the C library keeps what is free between what is in use: a few windows of huge texts
    would take as much memory as all of them together. Only glibc can be asked.
    """
    gc.collect()
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
