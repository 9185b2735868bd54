"""How many cores this process may use, and how many threads the libraries start on them."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

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
    return min((_quota(folder) for mount in _mounts(root) for folder in mount.folders(root)), default=math.inf)


class _Mount(NamedTuple):
    """A tree of control groups that limit CPU: what of it is seen where, and which group of it is ours."""

    top: Path
    at: Path
    group: Path

    def folders(self, root: Path) -> Iterator[Path]:
        """Of our group and of all above it that are seen here.

        A container that sees only its own group may be told its path on the host, or one outside of what it sees.
        """
        seen = self.at.relative_to("/")
        inside = self.group.is_relative_to(self.top) and ".." not in self.group.parts
        path = self.group.relative_to(self.top) if inside else Path()
        yield from (root / seen / folder for folder in (path, *path.parents))


def _mounts(root: Path) -> Iterator[_Mount]:
    groups = {}
    for line in _lines(root / "proc/self/cgroup"):  # "4:cpu,cpuacct:/group", and "0::/group" of version 2
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            groups["cgroup" if controllers else "cgroup2"] = Path(path)
    for line in _lines(root / "proc/self/mountinfo"):  # "32 31 0:29 TOP AT rw … - cgroup cgroup rw,cpu,cpuacct"
        mount, _, file_system = line.partition(" - ")
        kind, *_, options = file_system.split(" ")
        if kind in groups and (kind == "cgroup2" or "cpu" in options.split(",")):
            top, at = mount.split(" ")[3:5]
            yield _Mount(Path(top), Path(at), groups[kind])


def _quota(folder: Path) -> float:
    """The limit of one group; infinite where it has none."""
    for names in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
        with suppress(OSError, ValueError):
            quota, period = " ".join((folder / name).read_text(encoding="ascii") for name in names).split()
            return int(quota) / int(period) if quota not in ("max", "-1") else math.inf
    return math.inf


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # another system
        return []
