"""`emotion-worker run`: one loop in this process, or several, each in its own, looked after from here."""

import logging
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from signal import SIGTERM
from tempfile import TemporaryDirectory

from schemas.machine.cores import share_cores, usable_cores
from worker.errors import USER_ERROR, exit_code
from worker.observe import multiprocess
from worker.observe.endpoint import endpoint
from worker.observe.health import Health, Heartbeat
from worker.observe.logs import configure_logging
from worker.observe.metrics import Meters, Registry
from worker.observe.runtime_metrics import LIVE, PROCESS_RESTARTS, PROCESSES, READY, START_TIME_SECONDS
from worker.process.memory import collect_seldom, memory_limit_bytes
from worker.process.signals import stop_on_signals
from worker.service import serve
from worker.settings import Settings

_log = logging.getLogger(__name__)

_CORES_A_PROCESS = 2
_MAX_AUTO_PROCESSES = 4
_TICK_SECONDS = 0.2
_MAX_RESTART_SECONDS = 30.0
_STEADY_SECONDS = 60.0  # who ran for so long did not crash at its start


def run(settings: Settings, log_level: str) -> int:
    """Label until a signal says stop; returns the exit code.

    Raises:
        UserError: Something that `emotion-worker check` would have told.
    """
    count = process_count(settings)
    settings = settings.model_copy(update={"processes": str(count)})
    share_cores(count)
    _log.info(  # if memory is short, this is the last that is heard of it
        "worker_starting",
        extra={
            "model": settings.model,
            "processes": count,
            "cores": usable_cores(),
            "memory_limit_bytes": memory_limit_bytes(),
        },
    )
    if count > 1:
        with TemporaryDirectory(prefix="emotion-worker-") as folder:
            return _Supervisor(settings, count, log_level, folder).run()
    heartbeat, registry, stop = Heartbeat(), Registry(), threading.Event()
    with observed(settings, [heartbeat], stop, registry) as meters:
        meters[PROCESSES].set(1)
        serve(settings, stop, Meters("loop", registry), heartbeat)
    return 0


def process_count(settings: Settings) -> int:
    """What EMOTION_PROCESSES means on this machine.

    `auto` on a CPU: one process for each two cores, four at most, because each holds a model: on two cores, two
    processes of one thread label 3 to 5 % more texts (tests/benchmarks/LOG.md). With a GPU: one, not measured.
    """
    if settings.processes != "auto":
        return int(settings.processes)
    has_gpu = settings.device.startswith(("cuda", "mps")) or (
        settings.device == "auto" and any(Path("/dev").glob("nvidia[0-9]*"))
    )
    return 1 if has_gpu else max(1, min(_MAX_AUTO_PROCESSES, usable_cores() // _CORES_A_PROCESS))


@contextmanager
def observed(
    settings: Settings, loops: Sequence[Heartbeat], stop: threading.Event, registry: Registry
) -> Iterator[Meters]:
    """Health and metrics of these loops, served while the block runs."""
    health = Health(loops, stop.is_set)
    meters = Meters("service", registry)
    meters[START_TIME_SECONDS].set_to_current_time()
    meters[READY].set_function(lambda: float(not health.not_ready()))
    meters[LIVE].set_function(lambda: float(not health.not_live()))
    with endpoint(settings.http_port, health, registry, settings.page):
        yield meters


class _Child:
    """One loop in a process of its own, and when it is to be started."""

    def __init__(self, slot: int, settings: Settings, log_level: str) -> None:
        self.slot = slot
        self.heartbeat: Heartbeat = multiprocessing.get_context("spawn").RawValue(Heartbeat)
        self.process: SpawnProcess | None = None
        self.start_at = 0.0
        self._settings = settings
        self._log_level = log_level
        self._started_at = 0.0
        self._crashes = 0

    def start(self) -> None:
        self.heartbeat.clear()
        self._started_at = time.monotonic()
        self.process = SpawnProcess(
            target=_work, args=(self._settings, self.slot, self.heartbeat, self._log_level), daemon=True
        )
        self.process.start()
        _log.info("process_started", extra={"process_number": self.slot, "pid": self.process.pid})

    def ended(self) -> int | None:
        """Its exit code, once; None while it runs or waits to be started."""
        if self.process is None or self.process.exitcode is None:
            return None
        code, self.process = self.process.exitcode, None
        self.heartbeat.clear()
        return code

    def back_off(self, code: int) -> None:
        """Let it start again, later each time that it ends soon."""
        now = time.monotonic()
        self._crashes = 0 if now - self._started_at > _STEADY_SECONDS else self._crashes + 1
        seconds = min(_MAX_RESTART_SECONDS, 2.0 ** (self._crashes - 1)) if self._crashes else 0.0
        self.start_at = now + seconds
        _log.error(
            "process_ended", extra={"process_number": self.slot, "exit_code": code, "restart_in_seconds": seconds}
        )


class _Supervisor:
    """Keeps several children running, and lets them drain together."""

    def __init__(self, settings: Settings, count: int, log_level: str, folder: str) -> None:
        """Plan.

        Args:
            settings: Of every child; a static name is followed by the child's number.
            count: How many.
            log_level: Of the children.
            folder: Where they share their metrics.
        """
        self._settings = settings
        self._folder = folder
        self._children = [_Child(slot, _settings_of(settings, slot), log_level) for slot in range(count)]
        multiprocess.share(folder)

    def run(self) -> int:
        registry = multiprocess.collect(self._folder)
        loops = [child.heartbeat for child in self._children]
        with stop_on_signals(at_once=self._kill) as stop, observed(self._settings, loops, stop, registry) as meters:
            try:
                code = self._look_after(stop, meters)
                return code or self._drain()
            finally:
                self._kill()

    def _look_after(self, stop: threading.Event, meters: Meters) -> int:
        """Until told to stop (0), or until a child says that the user has to mend something."""
        while not stop.is_set():
            for child in self._children:
                if child.process is None and time.monotonic() >= child.start_at:
                    child.start()
            running = self._running()
            meters[PROCESSES].set(len(running))
            wait([process.sentinel for process in running], _TICK_SECONDS)
            for child in self._children:
                code = child.ended()
                if code is None:
                    continue
                multiprocess.forget(child.slot, self._folder)
                if code == USER_ERROR:
                    stop.set()
                    self._drain()
                    return code
                if not stop.is_set():
                    meters[PROCESS_RESTARTS].inc()
                    child.back_off(code)
        return 0

    def _drain(self) -> int:
        """Let every child finish its window; returns 0 if all did."""
        running = self._running()
        for process in running:
            process.terminate()
        for process in running:
            process.join()
        # One that had not come to hear signals yet had nothing to finish.
        return int(any(process.exitcode not in (0, -SIGTERM) for process in running))

    def _kill(self) -> None:
        for process in self._running():
            process.kill()

    def _running(self) -> list[SpawnProcess]:
        return [child.process for child in self._children if child.process is not None and child.process.is_alive()]


def _settings_of(settings: Settings, slot: int) -> Settings:
    name = settings.group_instance_id
    return settings.model_copy(update={"group_instance_id": f"{name}-{slot}" if name else None})


def _work(settings: Settings, slot: int, heartbeat: Heartbeat, log_level: str) -> None:
    """What a child does. It ends with its supervisor, however that ends."""
    collect_seldom()  # no child goes through the command line
    os.setsid()  # what a terminal tells all its processes is for the supervisor to pass on
    configure_logging(log_level)
    multiprocess.count_as(slot)
    sys.exit(exit_code(partial(_loop, settings, heartbeat)))


def _loop(settings: Settings, heartbeat: Heartbeat) -> int:
    stop = threading.Event()
    threading.Thread(target=_stop_without_supervisor, args=(stop,), daemon=True).start()
    serve(settings, stop, Meters("loop", Registry()), heartbeat)
    return 0


def _stop_without_supervisor(stop: threading.Event) -> None:
    supervisor = multiprocessing.parent_process()
    if supervisor is not None:
        supervisor.join()
        stop.set()
