"""The worker of the demo, as people run it."""

import os
import subprocess
import sys
import threading
from collections import deque

from worker.errors import UserError

_STOP_SECONDS = 60


class WorkerProcess:
    """`emotion-worker run` in its own process; its log is kept and shown only if it fails."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "worker", "run"],
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C is for the demo to hear, which stops the worker
        )
        self._log: deque[str] = deque(maxlen=200)
        self._ready = threading.Event()
        self._drain = threading.Thread(target=self._read_log, daemon=True)
        self._drain.start()

    def wait_until_ready(self, stop: threading.Event) -> None:
        """Wait until it has partitions to read, or until `stop` is set."""
        while not self._ready.wait(0.1) and not stop.is_set():
            self.check()

    def check(self) -> None:
        """Raise UserError with its log if it is no longer running."""
        if self._process.poll() is not None:
            self._drain.join(1)
            raise UserError(f"the worker ended with exit code {self._process.returncode}:\n{''.join(self._log)}")

    def stop(self) -> None:
        """Let it finish its window and leave."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read_log(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it is a pipe
        for line in self._process.stderr:
            self._log.append(line)
            if "partitions_assigned" in line:
                self._ready.set()
