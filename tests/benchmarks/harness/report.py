"""A table, a ratio and one line of JSON: how every benchmark ends."""

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tests.harness.jars import KAFKA_VERSION


def in_turns(rounds: int, variants: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Run each variant once a round, so that a noisy moment hits all alike."""
    results: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        for name, run in variants.items():
            results[name].append(run())
            say(f"round {number + 1}, {name}: {results[name][-1]:.1f}")
    return results


def medians(results: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: round(statistics.median(values), 2) for name, values in results.items()}


def report(name: str, header: Sequence[str], rows: Iterable[Sequence[object]], ratio: str, **facts: object) -> None:
    """Print the table and the ratio, then the facts with machine, date and command as JSON."""
    lines = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(ratio)
    where = {
        "benchmark": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "broker": os.environ.get("KAFKA_TEST_BOOTSTRAP_SERVERS") or f"Apache Kafka {KAFKA_VERSION}, one broker, here",
        "command": " ".join(["python -m", f"tests.benchmarks.{name}", *sys.argv[1:]]),
    }
    print(orjson.dumps(where | facts).decode())


def say(line: str) -> None:
    """A line on how far it is, apart from the results."""
    print(line, file=sys.stderr, flush=True)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(": ", 1)[1] if names else platform.processor()
