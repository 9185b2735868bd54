"""A table, a ratio and one line of JSON: how every benchmark ends."""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tests.harness.jars import KAFKA_VERSION

RESULTS = Path(__file__).parents[1] / "results"


def in_turns(given: argparse.Namespace, variants: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Run each variant once a round.

    A noisy moment hits all alike, and each round begins with another one: what runs first may find a cooler machine.
    """
    results: dict[str, list[float]] = {name: [] for name in variants}
    order = list(variants)
    for number in rounds(given):
        for name in order:
            results[name].append(variants[name]())
            say(f"round {number} of {given.rounds}, {name}: {results[name][-1]:.1f}")
        order = [*order[1:], order[0]]
    return results


def rounds(given: argparse.Namespace) -> Iterator[int]:
    """From 1 on: `given.rounds` rounds, or as many as end within `minutes`."""
    started = time.monotonic()
    for number in range(1, given.rounds + 1):
        round_started = time.monotonic()
        yield number
        now = time.monotonic()
        if number < given.rounds and now - started + now - round_started > given.minutes * 60:
            say(f"stopped after round {number}: another would not end within {given.minutes:g} minutes")
            break


def medians(results: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: round(statistics.median(values), 2) for name, values in results.items()}


def report(
    given: argparse.Namespace,
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    ratio: str,
    variant: str = "",
    **facts: object,
) -> None:
    """Print the table and the ratio, then all of it with machine, date and command as JSON.

    Args:
        given: The command line; with `save` the JSON is kept in `results/`, under the benchmark's name and `variant`.
        header: Of the table.
        rows: Of the table.
        ratio: What the benchmark is about, in one sentence.
        variant: Of the benchmark, where a page shows several.
        **facts: What goes into the JSON beside these.
    """
    cells = [list(row) for row in rows]
    lines = [[str(cell) for cell in row] for row in [header, *cells]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(ratio)
    name = Path(sys.argv[0]).stem
    found = {
        "benchmark": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "load_before": given.load_before,
        "python": platform.python_version(),
        "broker": os.environ.get("KAFKA_TEST_BOOTSTRAP_SERVERS") or f"Apache Kafka {KAFKA_VERSION}, one broker, here",
        "command": " ".join(["python -m", f"tests.benchmarks.{name}", *sys.argv[1:]]),
        "header": list(header),
        "rows": cells,
        "ratio": ratio,
        **facts,
    }
    print(orjson.dumps(found).decode())
    if given.save:
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{'-'.join(filter(None, (name, variant)))}.json"
        file.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")


def say(line: str) -> None:
    """A line on how far it is, apart from the results."""
    print(line, file=sys.stderr, flush=True)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(": ", 1)[1] if names else platform.processor()
