"""`python -m tests.chaos`: every fault in both modes; the last line of standard output is the result.

Environment: ROUNDS (20), MODES and FAULTS (names with commas between; all), RECORDS (20000, at least so many during
each fault over all rounds), WORKERS (3), RATE (800 records a second), SEED (1), LOGS (a folder to
leave the workers' and the brokers' logs in). SIGTERM or Ctrl-C ends it after the
fault at hand, with the result of what was run.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import cast

from tests.chaos.faults import FAULTS
from tests.chaos.runner import as_json, run_mode
from tests.chaos.system import Mode
from tests.harness.jars import kafka_jars

_MODES = "exactly_once,at_least_once"


def main() -> int:
    """Run; 1 if a promise was broken."""
    number = {name: int(os.environ.get(name) or default) for name, default in _NUMBERS.items()}
    names = [fault.name for fault in FAULTS]
    modes, chosen = _chosen("MODES", _MODES.split(",")), _chosen("FAULTS", names)
    stopping = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stopping.set())
    jars = kafka_jars()
    logs = Path(os.environ["LOGS"]) if os.environ.get("LOGS") else None
    if logs:
        logs.mkdir(parents=True, exist_ok=True)  # now, and not after an hour of faults
    result: dict[str, dict[str, object]] = {}
    for mode in modes:
        if stopping.is_set():
            break
        report = run_mode(
            jars,
            cast("Mode", mode),
            [fault for fault in FAULTS if fault.name in chosen],
            rounds=number["ROUNDS"],
            records_per_fault=number["RECORDS"],
            workers=number["WORKERS"],
            rate=number["RATE"],
            seed=number["SEED"],
            stopping=stopping,
            logs=logs,
        )
        result[mode] = as_json(report)
    print(json.dumps(result))
    return int(any(report["violations"] for report in result.values()))


_NUMBERS = {"ROUNDS": 20, "RECORDS": 20_000, "WORKERS": 3, "RATE": 800, "SEED": 1}


def _chosen(variable: str, known: list[str]) -> list[str]:
    names = [name.strip() for name in (os.environ.get(variable) or ",".join(known)).split(",")]
    if unknown := sorted(set(names) - set(known)):
        sys.exit(f"{variable}: {', '.join(unknown)}? There are {', '.join(known)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
