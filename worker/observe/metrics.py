"""Every metric of the worker in one list, and how they are made."""

from bisect import bisect_right
from collections.abc import Container, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics

from worker.observe import canary_metrics, challenge_metrics, request_metrics, runtime_metrics, stream_metrics
from worker.observe.metric_definition import Kind, Metric, Scope

disable_created_metrics()  # type: ignore[no-untyped-call]

# In the order in which they are declared; nobody can add one and forget it here.
METRICS: tuple[Metric[Any], ...] = tuple(
    value
    for file in (stream_metrics, runtime_metrics, canary_metrics, request_metrics, challenge_metrics)
    for value in vars(file).values()
    if isinstance(value, Metric)
)

Registry = CollectorRegistry


class Meters:
    """The metrics of one scope, and some `others`, made. `meters[RECORDS]` is the counter."""

    def __init__(self, scope: Scope, registry: Registry, others: Container[Metric[Any]] = ()) -> None:
        self._made = {
            metric: metric.kind(metric.name, metric.meaning, metric.labels, registry=registry, **metric.options)
            for metric in METRICS
            if metric.scope == scope or metric in others
        }

    def __getitem__(self, metric: Metric[Kind]) -> Kind:
        made: Kind = self._made[metric]
        return made


def observe_many(histogram: Histogram, values: Sequence[float]) -> None:
    """What `observe` does for each value, for the price of sorting them."""
    ordered = sorted(values)
    before = 0
    for bound, bucket in zip(histogram._upper_bounds, histogram._buckets, strict=True):
        up_to = bisect_right(ordered, bound)
        if up_to > before:
            bucket.inc(up_to - before)
        before = up_to
    histogram._sum.inc(sum(ordered))


def markdown_table() -> str:
    """The metrics as the documentation shows them."""
    lines = [
        "| metric | type | unit | labels | meaning | what to do about it |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
        kind = metric.kind.__name__.lower()
        lines.append(f"| `{metric.name}` | {kind} | {metric.unit} | {labels} | {metric.meaning} | {metric.action} |")
    return "\n".join(lines)
