"""The list of metrics, and figures that come out as they went in."""

import re
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from worker.observe import metrics
from worker.observe.metric_definition import Scope
from worker.observe.metrics import METRICS, Meters, observe_many

ROOT = Path(__file__).parents[3]


def test_every_metric_has_a_name_of_its_own_with_its_unit_and_what_to_do() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names) > 20
    for metric in METRICS:
        assert re.fullmatch(r"emotion_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Counter), metric.name
        assert (metric.unit in ("seconds", "bytes")) == metric.name.endswith(("_seconds", "_bytes")), metric.name
        assert metric.meaning.endswith(".")
        assert metric.action.endswith("."), metric.name


def test_no_metric_of_the_worker_is_made_elsewhere() -> None:
    declared = {
        "stream_metrics.py",
        "runtime_metrics.py",
        "canary_metrics.py",
        "request_metrics.py",
        "challenge_metrics.py",
    }
    for path in (ROOT / "worker").rglob("*.py"):
        if path.name not in declared:
            made = r"\b(Counter|Gauge|Histogram|Summary|Metric|info)\(\s*(Counter|Gauge|Histogram)?,?\s*\"emotion"
            assert not re.search(made, path.read_text()), path


def test_the_documented_table_is_that_of_the_code() -> None:
    page = (ROOT / "docker/OBSERVABILITY.md").read_text()
    assert metrics.markdown_table() in page, "run `make pages`"


def test_every_metric_is_made_in_one_of_the_scopes() -> None:
    registry = CollectorRegistry()
    meters = [Meters(scope, registry) for scope in get_args(Scope)]
    assert sum(metric in each._made for metric in METRICS for each in meters) == len(METRICS)


def test_many_observations_at_once_are_those_of_one_after_the_other() -> None:
    values = [0.5, 0.1, 3.0, 1.0, 0.100001, 99.0, 2.0, 1.0]
    shown = []
    for observe in (observe_many, lambda histogram, values: [histogram.observe(value) for value in values]):
        registry = CollectorRegistry()
        histogram = Histogram("h", "h", buckets=(0.1, 1, 2, 10), registry=registry)
        observe(histogram, values)
        observe(histogram, [])
        shown.append(generate_latest(registry))
    assert shown[0] == shown[1]
    assert b"h_count 8.0" in shown[0]
