"""The short form: four faults, exactly once, on a cluster of three brokers. `make chaos` runs all of them."""

from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.runner import run_mode

NAMES = ("kill_worker", "zombie", "swallow_commit", "kill_group_coordinator")


@pytest.mark.timeout(600)  # a machine with other work to do takes its time
def test_faults_in_a_stream_cost_nothing(apache_kafka_jars: Path, tmp_path: Path) -> None:
    report = run_mode(
        apache_kafka_jars,
        "exactly_once",
        [fault for fault in FAULTS if fault.name in NAMES],
        rounds=1,
        records_per_fault=1000,
        workers=2,
        rate=200,
        logs=tmp_path,  # kept by pytest where it fails
        recovery_grace_s=84,  # how fast is for `make chaos` to say, on a machine that does nothing else
    )
    assert report.violations == []
    assert (report.faults, set(report.by_fault)) == (len(NAMES), set(NAMES))
    assert all(each.records >= 1000 for each in report.by_fault.values())
