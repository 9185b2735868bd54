"""Cores that the worker does not have for itself: busy neighbours, and a quota."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup/cpu")  # version 1, as root
_PERIOD_US = 100_000


@contextmanager
def busy_neighbours(count: int) -> Iterator[None]:
    """So many processes that never rest."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@contextmanager
def quota(pid: int, cores: float) -> Iterator[None]:
    """A process, and those that it will start, has no more CPU than that of so many cores; 0: of all."""
    if not cores:
        yield
        return
    group = _CGROUPS / f"benchmark-{uuid.uuid4().hex[:8]}"
    group.mkdir()
    try:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(int(cores * _PERIOD_US)))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for each in (group / "cgroup.procs").read_text().split():
            (_CGROUPS / "cgroup.procs").write_text(each)
        os.rmdir(group)
