"""What memory control groups leave to a process."""

from pathlib import Path

import pytest

from worker.process.memory import memory_limit_bytes

V1 = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
V2 = "41 31 0:38 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
GIB = 1 << 30


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("files", "limit_bytes"),
    [
        ({"proc/self/cgroup": "0::/", "proc/self/mountinfo": V2, "sys/fs/cgroup/memory.max": f"{GIB}"}, GIB),
        ({"proc/self/cgroup": "0::/", "proc/self/mountinfo": V2, "sys/fs/cgroup/memory.max": "max"}, None),
        (
            {
                "proc/self/cgroup": "0::/pod/container",
                "proc/self/mountinfo": V2,
                "sys/fs/cgroup/pod/container/memory.max": f"{2 * GIB}",
                "sys/fs/cgroup/pod/memory.max": f"{GIB}",
            },
            GIB,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/docker/1",
                "proc/self/mountinfo": V1,
                "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": f"{GIB}",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            },
            GIB,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/",
                "proc/self/mountinfo": V1,
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            },
            None,
        ),
        ({}, None),
    ],
    ids=["version 2", "no limit", "nested", "version 1", "no limit in version 1", "another system"],
)
def test_the_least_limit_counts(files: dict[str, str], limit_bytes: int | None, tmp_path: Path) -> None:
    write(tmp_path, files)
    assert memory_limit_bytes(tmp_path) == limit_bytes
