"""Where the program begins."""

import subprocess
import sys

import pytest

# A signal as the command line is about to be imported, the first thing that takes time.
SIGNALLED = """
import importlib.abc, os, signal, sys

class Signalling(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "worker.__main__":
            assert not {"kafka", "pydantic", "torch", "asyncio"} & set(sys.modules), "too late"
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Signalling())
from worker.entry import main
sys.argv = ["emotion-worker", *sys.argv[1:]]
sys.exit(main())
"""


@pytest.mark.parametrize("command", ["run", "check", "label"])
def test_a_signal_is_heard_before_anything_that_takes_time_is_imported(command: str) -> None:
    done = subprocess.run([sys.executable, "-c", SIGNALLED, command], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (143, b"", b"")


def test_the_first_process_of_a_container_hears_it_too() -> None:
    as_first = ["unshare", "--fork", "--pid", "--kill-child"]
    if subprocess.run([*as_first, "true"], capture_output=True).returncode:
        pytest.skip("a process that is the first one of its own needs the right to make namespaces (unshare --pid)")
    done = subprocess.run([*as_first, sys.executable, "-c", SIGNALLED, "run"], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (143, b"")


def test_the_installed_command_begins_there() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlib.metadata import entry_points as e; print(e(name='emotion-worker'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "value='worker.entry:main'" in done.stdout
