"""`make stack`: images, the compose stack, a sample, faults under load, a check by another client, figures, down.

Environment: RATE (60 texts a second), KEEP (not empty: leave the stack up). Writes docker/STACK.md. The exit code is 1
if a label is missing, twice or out of order. Needs a Docker engine with Compose, 10 GB of disk and port 9092.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.harness.eventually import eventually
from tests.harness.independent import read_topic
from tests.stack import engine, report
from tests.stack.checker import judge
from tests.stack.faults import FAULTS
from tests.stack.stream import DEAD_LETTERS, LABELS, Stream, origins

_SERVERS = "localhost:9092"
_SAMPLE = 4  # texts of the service `sample`
_STEADY_SECONDS = 20
_RECOVERY_SECONDS = 600
_MEMORY = "most memory of a worker, MiB"


def main() -> int:
    """Run all; 1 if the labels are not right."""
    versions = engine.versions()  # ends here where there is no engine
    say("images, and the stack")
    begun = time.monotonic()
    engine.build()
    built_s = time.monotonic() - begun
    try:
        engine.compose("up", "--detach", "--wait", "--no-build", "--scale", "worker=2")
        up_s = time.monotonic() - begun - built_s
        figures = {
            "`docker build` (what was built before is taken), s": f"{built_s:.0f}",
            "`up --wait` to two ready workers, s": f"{up_s:.0f}",
        }
        outcome = try_stack(figures)
    finally:
        if not os.environ.get("KEEP"):
            engine.compose("--profile", "sample", "down", "--volumes")
    Path(engine.ROOT / "docker/STACK.md").write_text(
        report.page(datetime.now(UTC).date(), versions, outcome, figures), encoding="utf-8"
    )
    say("docker/STACK.md is written")
    return int(not outcome.verdict.is_right)


def try_stack(figures: dict[str, str]) -> report.Outcome:
    """Sample, faults and check; adds to the figures."""
    say("sample")
    engine.compose("run", "--rm", "--no-deps", "sample")
    engine.compose(
        "exec", "--no-TTY", "worker", "python", "-m", "schemas.examples.read", "--bootstrap-servers", "kafka:19092",
        "--count", str(_SAMPLE),
    )  # fmt: skip
    of_sample = origins(read_topic(_SERVERS, LABELS, at_least=_SAMPLE))
    workers = engine.containers("worker")
    figures["a worker's container to its first partitions, s"] = f"{max(map(engine.seconds_to_join, workers)):.0f}"
    with Stream(_SERVERS, float(os.environ.get("RATE", "60"))) as stream:
        faults = [break_and_wait(fault, stream, figures) for fault in FAULTS]
        stream.stop_writing()
        figures["the last text to the last label, s"] = f"{seconds_to_drain(stream):.1f}"
    labels = read_topic(_SERVERS, LABELS, at_least=_SAMPLE + len(stream.written), timeout_s=_RECOVERY_SECONDS)
    verdict = judge(stream.written | set(of_sample), origins(labels))
    return report.Outcome(faults, verdict, len(read_topic(_SERVERS, DEAD_LETTERS)))


def break_and_wait(fault: Callable[[], str], stream: Stream, figures: dict[str, str]) -> report.Fault:
    """One fault, until all that was written before its end has labels."""
    threading.Event().wait(_STEADY_SECONDS)
    say(fault.__name__)
    seen = fault()
    seconds = seconds_to_drain(stream)
    memory = max(map(engine.memory_mib, engine.containers("worker")))
    figures[_MEMORY] = f"{max(memory, float(figures.get(_MEMORY, 0))):.0f}"
    return report.Fault(fault.__name__, seen, seconds)


def seconds_to_drain(stream: Stream) -> float:
    """Until what is written by now has labels."""
    begun, due = time.monotonic(), _SAMPLE + len(stream.written)
    eventually(lambda: stream.labelled() >= due, _RECOVERY_SECONDS, f"{due} labels")
    return time.monotonic() - begun


def say(what: str) -> None:
    """Progress, to standard error."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {what}\n")


if __name__ == "__main__":
    sys.exit(main())
