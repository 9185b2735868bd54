"""The control groups of this process, version 1 or 2: folders whose files say what it may use of the machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


def control_groups(controller: str, root: Path = Path("/")) -> Iterator[Path]:
    """The folders of all groups that this process is in, ours and those above; what each says limits us.

    Args:
        controller: Such as `cpu` or `memory`.
        root: Of the file system in which they are looked for.
    """
    return (folder for mount in _mounts(controller, root) for folder in mount.folders(root))


class _Mount(NamedTuple):
    """A tree of control groups: what of it is seen where, and which group of it is ours."""

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


def _mounts(controller: str, root: Path) -> Iterator[_Mount]:
    groups = {}
    for line in _lines(root / "proc/self/cgroup"):  # "4:cpu,cpuacct:/group", and "0::/group" of version 2
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            groups["cgroup" if controllers else "cgroup2"] = Path(path)
    for line in _lines(root / "proc/self/mountinfo"):  # "32 31 0:29 TOP AT rw … - cgroup cgroup rw,cpu,cpuacct"
        mount, _, file_system = line.partition(" - ")
        kind, *_, options = file_system.split(" ")
        if kind in groups and (kind == "cgroup2" or controller in options.split(",")):
            top, at = mount.split(" ")[3:5]
            yield _Mount(Path(top), Path(at), groups[kind])


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # another system
        return []
