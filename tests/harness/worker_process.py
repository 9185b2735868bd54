"""`emotion-worker run` as users run it: a process of its own, told by its environment."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.eventually import eventually

START_SECONDS = 90  # torch alone takes several on a busy machine


class WorkerProcess:
    """A worker that runs for as long as its `with` block, unless it ends before."""

    def __init__(self, folder: Path, module: str = "worker", /, **settings: object) -> None:
        """Say how it will run.

        Args:
            folder: Its working folder, so that no `.env` is found.
            module: What is run in place of the worker's own command line.
            settings: By field name, such as `input_topic`.
        """
        self._module = module
        own = {name: value for name, value in os.environ.items() if not name.startswith("EMOTION_")}
        settings = {"http_port": 0, "processes": 1} | settings
        self.environment = own | {f"EMOTION_{name.upper()}": str(value) for name, value in settings.items()}
        self.environment["OMP_NUM_THREADS"] = "1"
        self._folder = folder
        self._lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> str:
        """What it has logged by now."""
        return "".join(self._lines)

    @property
    def process(self) -> "subprocess.Popen[str]":
        """The running or ended process."""
        assert self._process is not None
        return self._process

    def start(self, *command: str) -> Self:
        """Start it, without waiting for anything: `run`, or another command."""
        self._process = self._launch(*(command or ("run",)))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _launch(self, *command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", self._module, *command],
            env=self.environment,
            cwd=self._folder,
            stderr=subprocess.PIPE,
            text=True,
        )

    def check(self, *options: str) -> tuple[int, str]:
        """`emotion-worker check` with the same settings: exit code and report."""
        done = self.command("check", *options)
        return done.returncode, done.stdout or done.stderr

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command that ends by itself, with the same settings."""
        return subprocess.run(
            [sys.executable, "-m", "worker", *arguments],
            env=self.environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def wait_for(self, text: str, timeout_s: float = START_SECONDS) -> None:
        """Wait until its log holds `text`; fails if it ends before."""

        def found() -> bool:
            if text in self.log:
                return True
            assert self.process.poll() is None, f"ended with {self.process.returncode} before {text!r}:\n{self.log}"
            return False

        eventually(found, timeout_s, f"{text!r} in the worker's log")

    def wait_until_ready(self) -> None:
        """Wait until it has partitions to read."""
        self.wait_for("partitions_assigned")

    def wait_for_exit(self, timeout_s: float = START_SECONDS) -> int:
        """Wait until it has ended; gives its exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join(10)
        return code

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(30)

    def terminate(self, timeout_s: float = 60) -> int:
        """SIGTERM, then wait; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_for_exit(timeout_s)

    def __enter__(self) -> Self:
        return self if self._process else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()
        if error is not None:
            sys.stderr.write(f"the worker's log:\n{self.log}\n")

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.append(line)
