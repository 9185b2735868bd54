"""The worker against what users would pick instead: same model, texts, threads and float32, in turns.

Each peer as people run it, and with the settings that its documentation recommends for throughput. One that cannot be
installed or run here is in the table with the reason.
"""

import argparse
import os
import subprocess
from functools import partial
from pathlib import Path

from tests.benchmarks.harness.command import filled_stream, options
from tests.benchmarks.harness.environments import peer_python
from tests.benchmarks.harness.program import running
from tests.benchmarks.harness.report import in_turns, medians, report, say
from tests.benchmarks.harness.streams import Stream, drain, rate
from tests.benchmarks.harness.texts import distinct_texts, uniform_texts
from tests.harness.independent import RunningReader
from tests.harness.ports import free_port
from worker.model.artifact import find_artifact

_ENGINE = "Infinity's engine in the plain loop"  # batches by itself, also where people leave its settings alone
PEERS = {
    "plain loop": "plain_loop",
    "FastStream": "faststream_app",
    "Quix Streams": "quix_app",
    "MLServer": "mlserver_app",
    _ENGINE: "infinity_loop",
}
_PLAIN, _TUNED = "as people run it", "tuned"


def main() -> None:
    given = options(
        __doc__ or "",
        texts=3000,
        seconds=12.0,
        rounds=3,
        threads=2,
        model="bundled",
        delivery="exactly_once",
        lengths="mixed",
        peers=",".join(PEERS.values()),
    )
    texts, origin = distinct_texts(given.texts)
    if given.lengths == "uniform":
        texts, origin = uniform_texts(given.texts), "made up, all of one length"
    failures: dict[str, str] = {}
    pythons = _environments(given.peers.split(","), failures)
    with filled_stream(texts) as (_, stream):
        variants = {"worker": partial(_worker, stream, given)}
        for name, python in pythons.items():
            for kind in (_PLAIN, _TUNED):
                shown = f"{name}, {kind}"
                run = partial(_peer, stream, given, python, PEERS[name], kind == _TUNED)
                variants[shown] = partial(_or_nothing, run, shown, failures)
        runs = in_turns(given, variants)
    _report(given, runs, failures, origin)


def _report(given: argparse.Namespace, runs: dict[str, list[float]], failures: dict[str, str], origin: str) -> None:
    found = medians(runs)
    ours = found["worker"]
    engine = f"{_ENGINE}, {_PLAIN}"
    kinds = {
        "best_without_engine_plain": [found[name] for name in found if name.endswith(_PLAIN) and name != engine],
        "engine_plain": [found.get(engine, 0.0)],
        "best_peer_tuned": [found[name] for name in found if name.endswith(_TUNED)],
    }
    ratios = {kind: round(ours / max(rates), 2) for kind, rates in kinds.items() if any(rates)}
    rows: list[tuple[object, ...]] = [
        (name, texts_per_s or "-", round(ours / texts_per_s, 2) if texts_per_s else failures[name])
        for name, texts_per_s in found.items()
    ]
    rows += [(name, "-", reason) for name, reason in failures.items() if name not in found]
    report(
        given,
        ("what", "texts/s", "worker / this"),
        rows,
        "worker / " + ", ".join(f"{kind.replace('_', ' ')}: {ratio}" for kind, ratio in ratios.items()),
        variant=given.lengths,
        texts=origin,
        threads=given.threads,
        runs=runs,
        failures=failures,
        goals={f"worker_to_{kind}": ratio for kind, ratio in ratios.items()},
    )


def _environments(modules: list[str], failures: dict[str, str]) -> dict[str, Path]:
    pythons = {}
    for name, module in PEERS.items():
        if module in modules:
            try:
                pythons[name] = peer_python(module)
            except (OSError, subprocess.SubprocessError) as error:
                failures[name] = f"cannot be installed here: {error}"
                say(f"left out: {name} {failures[name]}")
    return pythons


def _worker(stream: Stream, given: argparse.Namespace) -> float:
    stream.renew()
    model = find_artifact(given.model, None).folder
    settings = {"model": model, "delivery": given.delivery, "dtype": "float32", "batch_tokens": 1024}
    return drain(stream, [stream.worker(threads=given.threads, **settings)], given.texts, given.seconds)


def _or_nothing(run: "partial[float]", name: str, failures: dict[str, str]) -> float:
    """Its rate; 0 once it has failed: the others go on."""
    if name not in failures:
        try:
            return run()
        except AssertionError as error:
            say(f"{name}: {error}")
            failures[name] = str(error).splitlines()[-1]
    return 0.0


def _peer(stream: Stream, given: argparse.Namespace, python: Path, module: str, tuned: bool) -> float:
    stream.renew()
    told = {
        "SERVERS": stream.servers,
        "INPUT": stream.input,
        "OUTPUT": stream.output,
        "GROUP": stream.group,
        "MODEL": str(find_artifact(given.model, None).folder),
        "TUNED": str(int(tuned)),
        **{name: str(free_port()) for name in ("PORT", "PORT_GRPC", "PORT_METRICS")},
    }
    told = {f"PEER_{name}": value for name, value in told.items()} | {"OMP_NUM_THREADS": str(given.threads)}
    command = [os.fspath(python), "-m", f"tests.benchmarks.peers.{module}"]
    with RunningReader(stream.servers, stream.output) as reader, running(stream, command, told) as alive:
        return rate(reader, given.texts, alive, given.seconds)


if __name__ == "__main__":
    main()
