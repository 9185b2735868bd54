"""What takes CPU from a worker: busy processes, each bound to a core, and a quota of a control group."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.harness.eventually import eventually

_VERSION_1 = Path("/sys/fs/cgroup/cpu")
_PERIOD_US = 100_000


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """So many run while the block does, one a core: a worker has half of such a core."""
    cores = sorted(os.sched_getaffinity(0))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", "while True: pass"], preexec_fn=partial(os.sched_setaffinity, 0, [core])
        )
        for core in cores[:count]
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait(30)


@contextmanager
def quota(cores: float) -> Iterator[Path]:
    """A control group that gets so many CPU-seconds a second; whoever is in it has to have ended before the block does.

    Raises:
        OSError: No group can be made here.
    """
    is_version_1 = _VERSION_1.is_dir()
    group = (_VERSION_1 if is_version_1 else Path("/sys/fs/cgroup")) / f"bench-{uuid.uuid4().hex[:8]}"
    group.mkdir()
    try:
        quota_us = round(cores * _PERIOD_US)
        if is_version_1:
            (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            (group / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
        yield group
        eventually(lambda: not (group / "cgroup.procs").read_text(), 30, "nobody is in the group any more")
    finally:
        group.rmdir()


@contextmanager
def joined(group: Path | None) -> Iterator[None]:
    """Whoever is started within the block is in the group from its first moment."""
    if group is None:
        yield
        return
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield
    finally:
        (group.parent / "cgroup.procs").write_text(str(os.getpid()))
