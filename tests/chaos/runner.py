"""One mode from start to verdict: faults, one after the other, in a continuous stream; then the checker."""

import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.checker import Anomaly, History, check
from tests.chaos.faults import Fault
from tests.chaos.system import WINDOW, Mode, System, say

RECOVERY_GRACE_SECONDS = 15
_GIVE_UP_SECONDS = 120
_COLUMNS = {
    "lost": ("lost_write", "dead_letter_lost"),
    "duplicated": ("duplicate", "committed_again"),
    "reordered": ("reordered_in_partition", "reordered_in_key"),
    "aborted_visible": ("aborted_read", "precommitted_read"),
    "torn": ("torn_window",),
}
# A sleeper that labels what it held when it wakes up, as at least once may, does so after its heir's commit.
_SLEEPERS = ("zombie",)


@dataclass(frozen=True)
class Step:
    """A fault that was injected: since and until when its records were acknowledged, and what else was seen."""

    fault: Fault
    since: float
    until: float
    recovery_seconds: float
    restarts: int


@dataclass(frozen=True)
class _Promise:
    """What a mode promises."""

    mode: Mode
    workers: int
    recovery_grace_s: float

    def broken(self, step: Step, names: Counter[str]) -> list[str]:
        """How a fault broke it."""
        allowed: set[str] = set()
        broken = []
        if self.mode == "at_least_once":
            allowed = {"duplicate"} | ({"committed_again"} if step.fault.name in _SLEEPERS else set())
            repeated, windows = names["duplicate"] + names["committed_again"], step.fault.windows(self.workers)
            if repeated > windows * WINDOW:
                broken.append(f"{repeated} records repeated, more than {windows} windows")
        broken += [f"{name}: {count}" for name, count in sorted(names.items()) if name not in allowed]
        limit_s = step.fault.unseen_seconds + self.recovery_grace_s
        if step.recovery_seconds > limit_s:
            broken.append(f"progress after {step.recovery_seconds:.1f} s, later than {limit_s:g} s")
        return broken


@dataclass
class Report:
    """What one mode, or one fault of it, came to."""

    records: int = 0
    faults: int = 0
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    aborted_visible: int = 0
    torn: int = 0
    other: dict[str, int] = field(default_factory=dict)
    max_recovery_seconds: float = 0.0
    workers_restarted: int = 0  # that ended by themselves and were started again
    violations: list[str] = field(default_factory=list)  # of what this mode promises

    def add(self, names: Counter[str]) -> None:
        """Count anomalies."""
        known = {name for names_of_column in _COLUMNS.values() for name in names_of_column}
        for column, members in _COLUMNS.items():
            setattr(self, column, getattr(self, column) + sum(names[name] for name in members))
        for name in sorted(set(names) - known):
            self.other[name] = self.other.get(name, 0) + names[name]


@dataclass
class ModeReport(Report):
    """With its faults one by one."""

    by_fault: dict[str, Report] = field(default_factory=dict)


def run_mode(
    jars: Path,
    mode: Mode,
    faults: Sequence[Fault],
    *,
    rounds: int,
    records_per_fault: int,
    workers: int = 3,
    rate: int = 800,
    seed: int = 1,
    stopping: threading.Event | None = None,
    logs: Path | None = None,
    recovery_grace_s: float = RECOVERY_GRACE_SECONDS,
) -> ModeReport:
    """Inject each fault once a round, in a new order each time; `stopping` ends it after the fault at hand.

    Args:
        jars: Of Apache Kafka.
        mode: What the workers deliver.
        faults: Which ones.
        rounds: How often.
        records_per_fault: So many at least are written during each fault, over all rounds.
        workers: So many processes, give or take what the faults do.
        rate: Records a second.
        seed: Of the order, and of whom the faults hit.
        stopping: Set to end early.
        logs: A folder to leave the workers' and the brokers' logs in.
        recovery_grace_s: Progress that comes later than so long after a fault can be known of breaks the promise.
    """
    steps: list[Step] = []
    with (
        TemporaryDirectory(prefix="chaos-") as folder,
        System(jars, Path(folder), mode, workers=workers, rate=rate, seed=seed, logs=logs) as system,
    ):
        done = system.until_answered(0, _GIVE_UP_SECONDS)
        for number in range(rounds):
            for fault in system.chance.sample(faults, len(faults)):
                if stopping and stopping.is_set():
                    break
                say(f"{mode}, round {number + 1} of {rounds}: {fault.name}")
                step, done = _step(system, fault, done, -(-records_per_fault // rounds))
                steps.append(step)
        history = system.finish()
        failures = system.failures
    return _report(steps, history, failures, _Promise(mode, workers, recovery_grace_s))


def _step(system: System, fault: Fault, done: int, records: int) -> tuple[Step, int]:
    """Inject, wait for progress, heal, wait for progress, and let the stream catch up."""
    first, restarts, since = len(system.feed.acknowledged), system.restarts, time.time()
    heal = fault.inject(system)
    recovery = system.until_progress(_GIVE_UP_SECONDS)
    if heal is not None:
        heal()
        recovery = max(recovery, system.until_progress(_GIVE_UP_SECONDS))
    system.until(lambda: len(system.feed.acknowledged) >= first + records, 600, f"{records} records are written")
    until = time.time()
    done = system.until_answered(done, _GIVE_UP_SECONDS)
    say(f"{fault.name}: recovered in {recovery:.1f} s, {len(system.feed.acknowledged) - first} records")
    return Step(fault, since, until, recovery, system.restarts - restarts), done


def _report(steps: list[Step], history: History, failures: list[str], promise: _Promise) -> ModeReport:
    report = ModeReport(records=len(history.produced), faults=len(steps), violations=list(failures))
    acked_at = {record.place: record.acked_at for record in history.produced}
    ends = [step.until for step in steps]

    def step_of(time_s: float) -> int:
        """The step in which this was; what came after the last one counts with it."""
        return min(bisect_left(ends, time_s), len(steps) - 1)

    anomalies: dict[int, list[Anomaly]] = defaultdict(list)
    for anomaly in check(history):
        anomalies[step_of(acked_at.get(anomaly.place, 0.0))].append(anomaly)
    records = Counter(step_of(at) for at in acked_at.values() if at >= steps[step_of(at)].since)
    for number, step in enumerate(steps):
        of_fault = report.by_fault.setdefault(step.fault.name, Report())
        names: Counter[str] = Counter(anomaly.name for anomaly in anomalies[number])
        for each in (report, of_fault):
            each.add(names)
            each.max_recovery_seconds = round(max(each.max_recovery_seconds, step.recovery_seconds), 1)
            each.workers_restarted += step.restarts
        of_fault.records += records[number]
        of_fault.faults += 1
        broken = [f"{step.fault.name}: {what}" for what in promise.broken(step, names)]
        of_fault.violations += broken
        report.violations += broken
        for anomaly in anomalies[number][:10]:
            say(f"{step.fault.name}: {anomaly}")
    return report


def as_json(report: ModeReport) -> dict[str, object]:
    """For the last line."""
    return asdict(report)
