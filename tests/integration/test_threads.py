"""What the service tells OpenMP before torch loads it: in one process, in several, and in a bounded run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.machine.cores import usable_cores
from tests.harness.independent import create_topic
from tests.harness.worker_process import WorkerProcess
from tests.integration.conftest import Stream, message

pytestmark = pytest.mark.skipif(
    "libgomp" not in Path("/proc/self/maps").read_text(), reason="torch comes with another OpenMP here"
)


def worker_that_tells(stream: Stream, **settings: object) -> WorkerProcess:
    """A process that starts from nothing; libgomp prints what it was told as it is loaded."""
    worker = WorkerProcess(stream.folder)
    worker.environment = stream.worker(**settings).environment | {"OMP_DISPLAY_ENV": "verbose"}
    del worker.environment["OMP_NUM_THREADS"]
    return worker


@pytest.mark.parametrize("processes", [1, 2])
def test_the_service_shares_the_cores_among_its_processes(make_stream: Callable[..., Stream], processes: int) -> None:
    with worker_that_tells(make_stream(), processes=processes) as worker:
        worker.wait_until_ready()
        assert worker.terminate() == 0
    assert f"OMP_NUM_THREADS = '{max(1, usable_cores() // processes)}'" in worker.log
    assert "GOMP_SPINCOUNT = '300'" in worker.log


def test_a_bounded_run_has_all_cores(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    stream.produce([message("one", "a text", partition=0)])
    second = create_topic(stream.servers, prefix="second", partitions=2)
    command = ["run", "--from=earliest", "--until=now", f"--to={second}", f"--dead-letters={stream.dead_letters}"]
    done = worker_that_tells(stream).command(*command)
    assert done.returncode == 0, done.stderr
    assert f"OMP_NUM_THREADS = '{usable_cores()}'" in done.stderr
    assert "GOMP_SPINCOUNT = '300'" in done.stderr
