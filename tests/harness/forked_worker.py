"""Workers that are forked from a process which has loaded torch already: to load it costs seconds of CPU each time.

What a worker does is the same from its first line on. Started as users start it, it is in the tests of the demo and of
the README, in the chaos suite and in the benchmarks.
"""

import multiprocessing
import os
import runpy
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

from tests.harness.worker_process import WorkerProcess

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["worker.model.model", "worker.model.tokenizer"])


class ForkedProcess:
    """A running worker, as `subprocess.Popen` would show it."""

    def __init__(self, module: str, command: list[str], environment: dict[str, str], folder: Path) -> None:
        reader, writer = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_be_worker, args=(module, command, environment, folder, writer))
        self._process.start()
        writer.close()
        self._pipe = reader  # closes with us
        self.stderr: IO[str] = open(reader.fileno(), encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative if a signal ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end; gives its exit code."""
        self._process.join(timeout)
        code = self.returncode
        assert code is not None, f"it has not ended within {timeout:g} s"
        return code

    def send_signal(self, number: int) -> None:
        """Send one, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)


class ForkedWorker(WorkerProcess):
    """A worker that starts quickly."""

    def _launch(self, *command: str) -> Any:
        return ForkedProcess(self._module, list(command), self.environment, self._folder)


def _be_worker(
    module: str, command: list[str], environment: dict[str, str], folder: Path, error_output: Connection
) -> None:
    os.dup2(error_output.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = [module, *command]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
