"""A program other than the worker between two topics."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.benchmarks.harness.streams import Stream

_ROOT = Path(__file__).parents[3]


@contextmanager
def running(stream: Stream, command: Sequence[str], told: dict[str, str]) -> Iterator[Callable[[], None]]:
    """Runs while the block does; gives a function that raises AssertionError with the end of its log once it ended.

    Args:
        stream: Its log goes to this stream's folder.
        command: The program.
        told: Its environment, beside our own.
    """
    log = stream.folder / f"{stream.group}.log"
    environment = os.environ | {"PYTHONPATH": str(_ROOT)} | told
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=stream.folder, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield lambda: _alive(process, log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # some have children
            process.wait(30)


def _alive(process: "subprocess.Popen[bytes]", log: Path) -> None:
    if process.poll() is not None:
        raise AssertionError(f"the program ended with {process.returncode}:\n{log.read_text()[-2000:]}")
