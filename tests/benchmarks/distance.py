"""Far brokers, busy neighbours, a quota: the default target of a window beside larger ones, at a backlog."""

import argparse
import math
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

from tests.benchmarks.harness.command import distant_stream, options, tiny_model
from tests.benchmarks.harness.neighbours import busy_processes, quota
from tests.benchmarks.harness.report import in_turns, medians, report
from tests.benchmarks.harness.simulated_worker import MODULE
from tests.benchmarks.harness.streams import Stream, check_alive
from tests.benchmarks.harness.texts import distinct_texts
from tests.harness.eventually import eventually
from tests.harness.independent import RunningReader
from tests.harness.worker_process import WorkerProcess

_FIRST_LABELS_SECONDS = 180


def main() -> None:
    given = options(
        __doc__ or "",
        targets_ms="1000,5000,20000",
        round_trip_ms=300,
        delivery="exactly_once",
        texts=60_000,
        busy=0,
        quota_cores=0.0,
        token_us=0.0,
        warm_up=60.0,
        seconds=60.0,
        rounds=1,
        minutes=20.0,
    )
    texts, origin = distinct_texts(given.texts)
    with distant_stream(texts, given.round_trip_ms / 1000) as (servers, stream):
        targets = given.targets_ms.split(",")  # the first one is the default
        variants = {
            f"target of {target_ms} ms": partial(_run, servers, stream, given, target_ms) for target_ms in targets
        }
        runs = in_turns(given, variants)
    found = medians(runs)
    default, best = next(iter(found.values())), max(found.values())
    report(
        given,
        ("setting", "records/s"),
        found.items(),
        f"default / best, {given.round_trip_ms} ms away, {given.busy} busy neighbours, "
        f"quota of {given.quota_cores or 'all'} cores, {given.delivery}: {default / best:.2f}",
        texts=origin,
        model=f"simulated: {given.token_us:g} µs a token" if given.token_us else "bundled",
        runs=runs,
    )


def _run(servers: str, stream: Stream, given: argparse.Namespace, target_ms: str) -> float:
    stream.renew()
    settings = {"delivery": given.delivery, "bootstrap_servers": servers, "session_timeout_ms": 45_000}
    if given.token_us:
        settings |= {"model": tiny_model(stream), "batch_tokens": 1024}
    module = MODULE if given.token_us else "worker"
    worker = stream.worker(module, threads=2, target_window_ms=target_ms, **settings)
    worker.environment["SIMULATED_TOKEN_US"] = str(given.token_us)
    with (
        quota(given.quota_cores) if given.quota_cores else nullcontext() as group,
        RunningReader(stream.servers, stream.output) as reader,
        worker,
    ):
        eventually(lambda: _any_yet(reader, worker), _FIRST_LABELS_SECONDS, "the first labels", interval_s=0.05)
        if group:
            (group / "cgroup.procs").write_text(str(worker.process.pid))
        with busy_processes(given.busy):
            return _steady_rate(reader, worker, given)


def _steady_rate(reader: RunningReader, worker: WorkerProcess, given: argparse.Namespace) -> float:
    """Records a second, from the first window that ends after the warm-up to the last one that does in time."""
    # Without transactions the parts of a window come one after the other, a round trip or two between them.
    between_parts_s = 0.02 + 2 * given.round_trip_ms / 1000
    arrived = _arrivals(reader, worker, given.warm_up + given.seconds, between_parts_s)
    counted = [(at, count) for at, count in arrived if at >= given.warm_up]
    if len(counted) < 2:
        raise AssertionError(f"{len(counted)} windows in {given.seconds:g} s: give it more time")
    (first_at, first), (last_at, last) = counted[0], counted[-1]
    return (last - first) / (last_at - first_at)


def _arrivals(
    reader: RunningReader, worker: WorkerProcess, seconds: float, between_parts_s: float
) -> Sequence[tuple[float, int]]:
    """When windows had arrived as a whole, and how many records there were by then."""
    pause, started = threading.Event(), time.perf_counter()
    arrived: list[tuple[float, int]] = []
    count, changed_at = 0, math.inf
    while (now := time.perf_counter() - started) < seconds:
        pause.wait(0.02)
        check_alive([worker])
        seen = len(reader.records)
        if seen > count:
            count, changed_at = seen, now
        elif now - changed_at > between_parts_s:
            arrived.append((changed_at, count))
            changed_at = math.inf
    return arrived


def _any_yet(reader: RunningReader, worker: WorkerProcess) -> bool:
    check_alive([worker])
    return bool(reader.records)


if __name__ == "__main__":
    main()
