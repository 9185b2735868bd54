"""The memory of this process: what the garbage collector looks at, what is free, and what it may have."""

import ctypes
import gc
from contextlib import suppress
from pathlib import Path

from schemas.machine.control_groups import control_groups

_COLLECT_AFTER = 50_000  # new objects; 700 otherwise
_NO_LIMIT_BYTES = 1 << 60  # version 1 has a number for it, version 2 the word `max`


def collect_seldom() -> None:
    """Let the garbage collector come seldom: imports make very many objects, and a window many, but no cycles."""
    gc.set_threshold(_COLLECT_AFTER, 20, 100)


def set_aside() -> None:
    """Let the garbage collector look at new objects only.

    What it looked through instead, again and again, was torch: a quarter of the time of everything that is not the
    model. At its end Python looks no more at what was set aside either.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Free what hangs in cycles, as fetched bytes do in the client, and give back what is free; some milliseconds.

    The collector comes seldom, and the C library keeps what is free between what is in use: a few windows of huge texts
    would take as much memory as all of them together. Only glibc can be asked.
    """
    gc.collect()
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def private_bytes() -> int:
    """What this process has in memory that is of no file; 0 where only Linux tells."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:"))
    return 0


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """What control groups let this process have, with all that share its group; None without a limit.

    Args:
        root: Of the file system in which they are looked for.
    """
    limits = []
    for folder in control_groups("memory", root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            with suppress(OSError, ValueError):
                limits.append(int((folder / name).read_text(encoding="ascii")))
    limit = min(limits, default=_NO_LIMIT_BYTES)
    return limit if limit < _NO_LIMIT_BYTES else None
