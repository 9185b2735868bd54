"""The short form: four faults, exactly once, on a cluster of three brokers. `make chaos` runs all of them."""

from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.runner import run_mode

NAMES = ("kill_worker", "zombie", "swallow_commit", "kill_group_coordinator")


@pytest.mark.timeout(600)  # a machine with other work to do takes its time; it is 90 s without
def test_faults_in_a_stream_cost_nothing(apache_kafka_jars: Path) -> None:
    faults = [fault for fault in FAULTS if fault.name in NAMES]
    report = run_mode(apache_kafka_jars, "exactly_once", faults, rounds=1, records_per_fault=1000, workers=2, rate=400)
    assert report.violations == []
    assert (report.faults, set(report.by_fault)) == (4, set(NAMES))
    assert all(each.records >= 1000 for each in report.by_fault.values())
