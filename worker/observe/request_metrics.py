"""Metrics of `serve`: requests over HTTP; and those of the worker that it has as well."""

from collections.abc import Container
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from worker.observe import runtime_metrics, stream_metrics
from worker.observe.metric_definition import Metric

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

REQUESTS = Metric(
    Counter,
    "emotion_http_requests_total",
    "requests",
    "Requests that `serve` has answered, by path and status.",
    "Many of 429: more replicas, or a larger EMOTION_SERVE_MAX_QUEUED_TEXTS. Of 4xx else: a client is wrong.",
    ("path", "status"),
    scope="serve",
)
REQUEST_SECONDS = Metric(
    Histogram,
    "emotion_http_request_seconds",
    "seconds",
    "From a request's head to its answer, the time that its body took to come included.",
    "High while `emotion_http_queued_texts` is: more replicas. High without: clients send slowly.",
    ("path",),
    scope="serve",
    options={"buckets": _SECONDS},
)
QUEUED_TEXTS = Metric(
    Gauge,
    "emotion_http_queued_texts",
    "texts",
    "Texts of requests that are not answered yet.",
    "Near EMOTION_SERVE_MAX_QUEUED_TEXTS requests are refused: more replicas.",
    scope="serve",
)
CONNECTIONS = Metric(
    Gauge,
    "emotion_http_connections",
    "connections",
    "Connections that are open, those included that idle between requests.",
    "Near EMOTION_SERVE_MAX_CONNECTIONS others are refused: clients should share connections, and close what idles.",
    scope="serve",
)
REFUSED_CONNECTIONS = Metric(
    Counter,
    "emotion_http_refused_connections_total",
    "connections",
    "Connections that were answered with 503, as there were EMOTION_SERVE_MAX_CONNECTIONS of them.",
    "See `emotion_http_connections`; more replicas, or raise the setting.",
    scope="serve",
)

ALSO_SERVED: Container[Metric[Any]] = frozenset(
    {
        *(
            stream_metrics.LABELS,
            stream_metrics.LABELS_GIVEN,
            stream_metrics.DEAD_LETTERS,
            stream_metrics.SKIPPED,
            stream_metrics.NOT_CONFIDENT,
        ),
        *(stream_metrics.TRUNCATED, stream_metrics.DEDUPLICATED, stream_metrics.CACHE_HITS, stream_metrics.SCORE),
        *(runtime_metrics.STAGE_SECONDS, runtime_metrics.BATCH_TEXTS, runtime_metrics.BATCH_PADDED_TOKENS),
        *(runtime_metrics.TOKENS, runtime_metrics.PADDED_TOKENS, runtime_metrics.DRIFT, runtime_metrics.READY),
        *(runtime_metrics.DEVICE_MEMORY_BYTES, runtime_metrics.MODEL_INFO, runtime_metrics.BUILD_INFO),
        runtime_metrics.LIVE,
    }
)
"""Without Kafka the others would stand at zero, and alerts would take them for a worker that stands still."""
