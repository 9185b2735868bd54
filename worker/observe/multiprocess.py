"""Metrics of several processes: each writes to files of one folder, and the supervisor adds them up."""

import os

from prometheus_client import values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from worker.observe.metrics import Registry


def share(folder: str) -> None:
    """Let the processes that are started from now on write their metrics to `folder`."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def count_as(slot: int) -> None:
    """Write this process's metrics under its slot in place of its pid: whoever is started in its place counts on."""
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]


def collect(folder: str) -> Registry:
    """A registry that shows the sums of what the processes wrote."""
    registry = Registry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return registry


def forget(slot: int, folder: str) -> None:
    """Drop the gauges of a process that has ended; its counters stay."""
    mark_process_dead(slot, folder)  # type: ignore[no-untyped-call]
