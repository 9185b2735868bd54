"""The few figures that the page shows, out of the numbers behind /metrics."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client.samples import Sample

from worker.observe.metrics import Registry
from worker.observe.request_metrics import QUEUED_TEXTS, REQUEST_SECONDS
from worker.observe.runtime_metrics import READY
from worker.observe.stream_metrics import (
    DEAD_LETTERS,
    END_TO_END_SECONDS,
    LABELS,
    LAG_RECORDS,
    LAG_SECONDS,
    NOT_CONFIDENT,
    RECORDS,
)

_FRESH_SECONDS = 0.9
_READINGS = 320  # the page shows the mix of five minutes
_LATENCIES = (END_TO_END_SECONDS.name, REQUEST_SECONDS.name)  # with Kafka, and over HTTP: a registry has one of them
_REQUESTS_WITH_TEXTS = ("/label", "/predict", "/")


class Figures:
    """Reads a registry, once a second at most, however many look on; keeps what it read in the last minutes."""

    def __init__(self, registry: Registry, clock: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._readings: deque[dict[str, Any]] = deque([self._read()], maxlen=_READINGS)

    def since(self, at_seconds: float) -> list[dict[str, Any]]:
        """What was read after this time, the newest last."""
        with self._lock:
            if not 0 <= self._clock() - self._readings[-1]["at_seconds"] < _FRESH_SECONDS:
                self._readings.append(self._read())
            return [reading for reading in self._readings if reading["at_seconds"] > at_seconds]

    def _read(self) -> dict[str, Any]:
        return {"at_seconds": self._clock(), **_read(self._registry)}


def _read(registry: Registry) -> dict[str, object]:
    """Counters as they stand, since the start; None for what this registry does not have."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    for family in registry.collect():
        for sample in family.samples:
            samples[sample.name].append(sample)

    def values(name: str) -> list[float]:
        return [sample.value for sample in samples[name]]

    def latest(name: str, of: Callable[[Iterable[float]], float] = sum) -> float | None:
        return of(values(name)) if name in samples else None

    return {
        "ready": latest(READY.name, max),  # of several processes the supervisor says it; they leave a 0
        "records": latest(RECORDS.name),
        "labels": {sample.labels["label"]: sample.value for sample in samples[LABELS.name]},
        "not_confident": latest(NOT_CONFIDENT.name),
        "dead_letters": sum(values(DEAD_LETTERS.name)),
        "lag_records": latest(LAG_RECORDS.name),
        "lag_seconds": latest(LAG_SECONDS.name, max),
        "queued_texts": latest(QUEUED_TEXTS.name),
        "latency": _latency(sample for name in _LATENCIES for sample in samples[f"{name}_bucket"]),
    }


def _latency(buckets: Iterable[Sample]) -> list[tuple[float | None, float]]:
    """For each upper bound in seconds how often it was not exceeded; None: no bound."""
    counts: dict[float, float] = defaultdict(float)
    for bucket in buckets:
        if bucket.labels.get("path", "/") in _REQUESTS_WITH_TEXTS:
            counts[float(bucket.labels["le"])] += bucket.value
    return [(bound if bound < float("inf") else None, counts[bound]) for bound in sorted(counts)]
