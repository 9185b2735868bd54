"""How many cores a process may use, and what the libraries are told of it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from math import inf
from pathlib import Path

import pytest

from schemas.machine import cores
from schemas.machine.cores import cpu_quota
from tests.benchmarks.harness.neighbours import quota
from tests.harness.tiny_model import write_tiny_model

ROOT = Path(__file__).parents[3]

V1 = "32 31 0:29 {top} /sys/fs/cgroup/{name} rw,relatime - cgroup cgroup rw,{name}"
V2 = "41 31 0:38 {top} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
HYBRID = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"
OTHERS = [
    "22 1 259:1 / / rw,relatime - ext4 /dev/root rw",
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
]


class Root:
    """A file system with the groups that a process is in, and where they are mounted."""

    def __init__(self, folder: Path, groups: list[str], mounts: list[str]) -> None:
        self.folder = folder
        self.write("proc/self/cgroup", "\n".join(["9:name=systemd:/", "4:memory:/elsewhere", *groups]))
        self.write("proc/self/mountinfo", "\n".join([*OTHERS, *mounts]))

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def limit_v1(self, path: str, quota_us: int, period_us: int = 100_000) -> None:
        self.write(f"sys/fs/cgroup/{path}/cpu.cfs_quota_us", str(quota_us))
        self.write(f"sys/fs/cgroup/{path}/cpu.cfs_period_us", str(period_us))

    def limit_v2(self, path: str, text: str) -> None:
        self.write(f"sys/fs/cgroup/{path}/cpu.max", text)


@pytest.mark.parametrize(("text", "quota"), [("150000 100000", 1.5), ("50000 100000", 0.5), ("max 100000", inf)])
def test_version_2_of_a_container_that_sees_its_own_group_alone(tmp_path: Path, text: str, quota: float) -> None:
    root = Root(tmp_path, ["0::/"], [V2.format(top="/")])
    root.limit_v2("", text)
    assert cpu_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota_us", "quota"), [(150_000, 1.5), (50_000, 0.5), (-1, inf)])
@pytest.mark.parametrize("name", ["cpu", "cpu,cpuacct", "cpuacct,cpu"])
def test_version_1_under_each_name_of_its_mount(tmp_path: Path, name: str, quota_us: int, quota: float) -> None:
    root = Root(tmp_path, [f"4:{name}:/", "0::/"], [V1.format(top="/", name=name), HYBRID])
    root.limit_v1(name, quota_us)
    assert cpu_quota(tmp_path) == quota


def test_the_least_limit_of_a_group_and_those_above_it_counts(tmp_path: Path) -> None:
    root = Root(tmp_path, ["0::/pods.slice/pod1/worker"], [V2.format(top="/")])
    root.limit_v2("pods.slice", "800000 100000")
    root.limit_v2("pods.slice/pod1", "250000 100000")
    root.limit_v2("pods.slice/pod1/worker", "max 100000")
    root.limit_v2("pods.slice/other", "50000 100000")
    assert cpu_quota(tmp_path) == 2.5


def test_version_1_above_a_group_without_a_limit(tmp_path: Path) -> None:
    root = Root(tmp_path, ["2:cpu:/outer/inner"], [V1.format(top="/", name="cpu")])
    root.limit_v1("cpu", -1)
    root.limit_v1("cpu/outer", 100_000, 50_000)
    root.limit_v1("cpu/outer/inner", -1)
    assert cpu_quota(tmp_path) == 2


@pytest.mark.parametrize("path", ["/docker/abc", "/docker/abc/worker", "/", "/../..", "/docker/other"])
def test_a_container_that_is_told_the_paths_of_its_host(tmp_path: Path, path: str) -> None:
    """Its own group is what it sees at the mount."""
    root = Root(tmp_path, [f"2:cpu:{path}"], [V1.format(top="/docker/abc", name="cpu")])
    root.limit_v1("cpu", 150_000)
    assert cpu_quota(tmp_path) == 1.5


def test_a_group_of_the_host_that_lies_below_the_mount(tmp_path: Path) -> None:
    root = Root(tmp_path, ["0::/docker/abc/worker"], [V2.format(top="/docker/abc")])
    root.limit_v2("worker", "120000 100000")
    assert cpu_quota(tmp_path) == 1.2


@pytest.mark.parametrize("text", ["", "rubbish", "1 2 3", "max"])
def test_a_limit_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    Root(tmp_path, ["0::/"], [V2.format(top="/")]).limit_v2("", text)
    assert cpu_quota(tmp_path) == inf


def test_a_system_without_control_groups_has_no_limit(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) == inf


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """What the libraries are told where the user has set this much and so many processes share four cores."""

    def told(processes: int = 1, **own: str) -> dict[str, str]:
        monkeypatch.setattr(cores, "usable_cores", lambda: 4)
        monkeypatch.setattr(os, "environ", environment := dict(own))
        cores.share_cores(processes)
        return environment

    return told


@pytest.mark.parametrize(("processes", "share"), [(1, "4"), (2, "2"), (3, "1"), (9, "1")])
def test_processes_share_the_cores(threads: Callable[..., dict[str, str]], processes: int, share: str) -> None:
    told = threads(processes)
    assert (told["OMP_NUM_THREADS"], told["RAYON_NUM_THREADS"]) == (share, share)


def test_what_the_user_has_set_wins(threads: Callable[..., dict[str, str]]) -> None:
    own = {"OMP_NUM_THREADS": "7", "RAYON_NUM_THREADS": "8", "GOMP_SPINCOUNT": "9"}
    assert threads(**own) == own


def test_a_wait_policy_of_the_user_is_not_overruled_by_a_spin_count(threads: Callable[..., dict[str, str]]) -> None:
    assert "GOMP_SPINCOUNT" not in threads(OMP_WAIT_POLICY="active")


@pytest.fixture
def half_a_core() -> Iterator[Path]:
    """A real control group with that quota."""
    with ExitStack() as stack:
        try:
            group = stack.enter_context(quota(0.5))
        except OSError as error:
            pytest.skip(f"no control group can be made here: {error}")
        yield group


def test_a_real_group_limits_a_real_process(half_a_core: Path) -> None:
    script = "from schemas.machine.cores import *; print(cpu_quota(), usable_cores())"

    def join() -> None:
        (half_a_core / "cgroup.procs").write_text(str(os.getpid()))

    said = subprocess.check_output([sys.executable, "-c", script], preexec_fn=join, text=True)
    assert said.split() == ["0.5", "1"]


LABEL, DEVICE = ["worker", "label"], ["worker", "check", "--device"]
EVALUATE = ["trainer", "evaluate", "model", "--data", "not-there.txt"]  # it has loaded torch before it looks


@pytest.mark.parametrize("command", [LABEL, DEVICE, EVALUATE], ids=" ".join)
@pytest.mark.skipif("libgomp" not in Path("/proc/self/maps").read_text(), reason="torch comes with another OpenMP here")
def test_openmp_hears_of_it_before_it_is_loaded(command: list[str], tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=without_openmp() | {"PYTHONPATH": str(ROOT), "EMOTION_MODEL": "model", "OMP_DISPLAY_ENV": "verbose"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert f"OMP_NUM_THREADS = '{cores.usable_cores()}'" in done.stderr, done.stderr
    assert "GOMP_SPINCOUNT = '300'" in done.stderr


def test_commands_import_no_torch_before_that() -> None:
    modules = [f"worker.commands.{name}" for name in ("bench", "check", "demo", "label", "relabel")]
    script = f"import sys, worker.supervisor, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def without_openmp() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "RAYON_"))}
