"""How many cores this process may use, and how many threads the libraries start on them."""

import math
import os
import sys
from contextlib import suppress
from pathlib import Path

from schemas.machine.control_groups import control_groups

_SPINS = "300"  # OpenMP's own are 300,000; tests/benchmarks/LOG.md has what others cost


def share_cores(processes: int = 1) -> None:
    """Tell torch and tokenizers by the environment which part of the cores is theirs. What the user has set wins.

    It comes before torch is imported: OpenMP reads the environment once. Neither knows of a container's quota. And
    OpenMP's threads spin for long while they wait for each other, on cores that a neighbour, or the thread waited
    for, could use; with a quota that counts as use, too.

    Args:
        processes: How many of one kind share the cores.
    """
    for variable in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ.setdefault(variable, str(max(1, usable_cores() // processes)))
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def usable_cores() -> int:
    """Cores that this process may use: those that it is bound to, or fewer by its quota, a part counted as a core."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, math.ceil(min(cores, cpu_quota())))


def cpu_quota(root: Path = Path("/")) -> float:
    """CPU-seconds a second that control groups (version 1 or 2) leave to this process; infinite without a limit.

    Groups are nested, and each limits all that is in it: the least limit counts.

    Args:
        root: Of the file system in which they are looked for.
    """
    return min(map(_quota, control_groups("cpu", root)), default=math.inf)


def _quota(folder: Path) -> float:
    """The limit of one group; infinite where it has none."""
    for names in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
        with suppress(OSError, ValueError):
            quota, period = " ".join((folder / name).read_text(encoding="ascii") for name in names).split()
            return int(quota) / int(period) if quota not in ("max", "-1") else math.inf
    return math.inf
