"""What the worker makes of its share of the cores: alone, beside busy processes and under a quota, by its threads.

A busy process has a core to itself but for the worker, whose fair share of that core is a half. With a quota the share
is the quota. `of its share`: texts/s / (the best texts/s alone x the share of all cores).
"""

import argparse
import os
import statistics
from collections import defaultdict
from contextlib import ExitStack

from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.neighbours import busy_processes, joined, quota
from tests.benchmarks.harness.report import report, rounds, say
from tests.benchmarks.harness.streams import Stream, check_alive, rate, wait_for_members
from tests.benchmarks.harness.texts import distinct_texts
from tests.benchmarks.latency import latencies
from tests.harness.eventually import eventually
from tests.harness.independent import RunningReader

_CORES = len(os.sched_getaffinity(0))
_WARM_TEXTS, _LIGHT_TEXTS = 30, 100
_LIGHT_RATE = 10.0  # texts/s: next to each is a window of its own
SETTINGS: dict[str, dict[str, str]] = {
    "auto": {},
    "OpenMP's own": {"OMP_NUM_THREADS": str(_CORES), "GOMP_SPINCOUNT": "300000"},
    "asleep at once": {"OMP_NUM_THREADS": str(_CORES), "OMP_WAIT_POLICY": "passive"},
    "1 thread": {"OMP_NUM_THREADS": "1"},
    "a process a core": {"OMP_NUM_THREADS": "1", "EMOTION_PROCESSES": str(_CORES)},
}


def main() -> None:
    given = options(
        __doc__ or "",
        texts=3000,
        rounds=1,
        settings=",".join(SETTINGS),
        beside="nothing,1 busy,2 busy,quota 1,quota 1.5",
        delivery="exactly_once",
        batch_tokens=1024,
    )
    texts, origin = distinct_texts(given.texts)
    runs: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    order = given.settings.split(",")
    with filled_stream(texts[:1]) as (_, stream):
        for number in rounds(given):
            for beside in given.beside.split(","):
                order = [*order[1:], order[0]]  # what runs first may find a cooler machine
                for setting in order:
                    found = _run(stream, given, texts, beside, setting)
                    runs[f"{beside}: {setting}"].append(found)
                    say(f"round {number}, {beside}, {setting}: {found[0]:.0f} texts/s, p50 {found[1]:.0f} ms")
    middle = {
        name: [round(statistics.median(column), 1) for column in zip(*of, strict=True)] for name, of in runs.items()
    }
    best = max((values[0] for name, values in middle.items() if name.startswith("nothing: ")), default=float("nan"))
    of_share = {name: round(values[0] / best / share(name.split(": ")[0]), 3) for name, values in middle.items()}
    report(
        given,
        ("beside: setting", "texts/s of a backlog", "of its share", "p50 ms at 10 texts/s", "p95 ms"),
        [(name, values[0], of_share[name], *values[1:]) for name, values in middle.items()],
        "auto, of its share: " + ", ".join(f"{name} {of}" for name, of in of_share.items() if name.endswith(": auto")),
        texts=origin,
        runs=runs,
    )


def share(beside: str) -> float:
    """Of all cores, what is the worker's."""
    kind, number = _parts(beside)
    return min(1.0, number / _CORES) if kind == "quota" else 1 - number / 2 / _CORES


def _parts(beside: str) -> tuple[str, float]:
    """`quota 1.5` or `2 busy`; `nothing` is none of them busy."""
    if beside.startswith("quota "):
        return "quota", float(beside.split()[1])
    return "busy", float(beside.split()[0]) if beside.endswith(" busy") else 0


def _run(
    stream: Stream, given: argparse.Namespace, texts: list[str], beside: str, setting: str
) -> tuple[float, float, float]:
    """Texts/s of a backlog; p50 and p95 in ms of texts that come one by one."""
    kind, number = _parts(beside)
    fresh = Stream(stream.servers, stream.folder)
    own = {"delivery": given.delivery, "batch_tokens": given.batch_tokens, "processes": "auto", "model": "bundled"}
    worker = fresh.worker(start_offset="latest", **own)
    del worker.environment["OMP_NUM_THREADS"]  # that is for the worker to choose, or for the setting
    worker.environment |= SETTINGS[setting]
    with ExitStack() as stack:
        group = stack.enter_context(quota(number)) if kind == "quota" else None
        with joined(group):
            stack.enter_context(worker)
        worker.wait_until_ready()
        wait_for_members(fresh, int(SETTINGS[setting].get("EMOTION_PROCESSES", 1)))
        stack.enter_context(busy_processes(int(number) if kind == "busy" else 0))
        latencies(fresh, texts[:_WARM_TEXTS], _LIGHT_RATE)  # warm
        light = sorted(latencies(fresh, texts[:_LIGHT_TEXTS], _LIGHT_RATE))
        with RunningReader(fresh.servers, fresh.output) as reader:
            before = _WARM_TEXTS + _LIGHT_TEXTS
            eventually(lambda: len(reader.records) == before, 30, "the reader is there")
            fresh.fill(texts)
            texts_per_s = rate(reader, before + len(texts), lambda: check_alive([worker]))
    return texts_per_s, statistics.median(light) * 1e3, light[int(len(light) * 0.95)] * 1e3


if __name__ == "__main__":
    main()
