"""Every metric of the worker, in one list, and how they are made."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]

Kind = TypeVar("Kind", Counter, Gauge, Histogram)
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_LATENCY_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400)
_SIZES = (1, 4, 16, 64, 256, 1024, 4096, 16384)
_TOKENS = (64, 256, 1024, 4096, 16384, 65536, 262144)
_SCORES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)


@dataclass(frozen=True, eq=False)
class Metric(Generic[Kind]):
    """A metric as it is documented and made. `scope`: counted by each loop, or once by whoever serves /metrics."""

    kind: type[Kind]
    name: str
    unit: str
    meaning: str
    action: str
    labels: tuple[str, ...] = ()
    scope: Literal["loop", "service"] = "loop"
    options: Mapping[str, Any] = field(default_factory=dict)


RECORDS = Metric(
    Counter,
    "emotion_records_total",
    "records",
    "Records polled; those of a window that was not delivered count again when they are read again.",
    "Its rate is the load. Zero while lag grows: see `emotion_ready`.",
)
LABELS = Metric(
    Counter,
    "emotion_labels_total",
    "records",
    "Labels delivered, by label.",
    "Its rate is the output. A mix that moves: see `emotion_drift`.",
    ("label",),
)
DEAD_LETTERS = Metric(
    Counter,
    "emotion_dead_letters_total",
    "records",
    "Records delivered to the dead-letter topic, by reason.",
    "Look at the records of that reason on the dead-letter topic; mend their producer, or the setting.",
    ("reason",),
)
TOMBSTONES = Metric(
    Counter,
    "emotion_tombstones_total",
    "records",
    "Records with a key and no value, passed on.",
    "None; they are neither labels nor dead letters.",
)
NOT_CONFIDENT = Metric(
    Counter,
    "emotion_not_confident_total",
    "records",
    "Labels delivered whose score is below the threshold of the model or of EMOTION_CONFIDENT_SCORE.",
    "As a share of the labels: a lasting rise means texts unlike those the model learnt from; see `emotion_drift`.",
)
TRUNCATED = Metric(
    Counter,
    "emotion_truncated_total",
    "records",
    "Labels delivered of texts that were longer than the model takes and lost their end.",
    "A large share: split texts before they are sent, or train a model that takes longer ones.",
)
DEDUPLICATED = Metric(
    Counter,
    "emotion_deduplicated_total",
    "records",
    "Texts delivered without a computation of their own: their window held the same text already.",
    "None; work that was saved.",
)
CACHE_HITS = Metric(
    Counter,
    "emotion_cache_hits_total",
    "texts",
    "Texts delivered with the scores of an earlier window (EMOTION_CACHE_TEXTS); each counts once a window.",
    "As a share of `emotion_labels_total`: a small one is not worth the cache's memory; a larger cache may raise it.",
)
SCORE = Metric(
    Histogram,
    "emotion_score",
    "1 (0 to 1)",
    "Scores of the labels delivered.",
    "Scores that fall mean texts unlike those the model learnt from; see `emotion_drift`.",
    options={"buckets": _SCORES},
)
COMMITS = Metric(
    Counter,
    "emotion_commits_total",
    "windows",
    "Windows delivered and committed.",
    "Zero for minutes while lag is not: see `emotion_ready` and the log.",
)
ABORTS = Metric(
    Counter,
    "emotion_aborts_total",
    "windows",
    "Windows not delivered: nothing of them was committed, they are read again.",
    "A few come with rebalances and brokers that restart. Many: the log says why at `window_not_delivered`.",
)
REBALANCES = Metric(
    Counter,
    "emotion_rebalances_total",
    "rebalances",
    "Generations of the consumer group in which this worker got its partitions.",
    "Many without deploys: workers that die or are scaled up and down; see EMOTION_SESSION_TIMEOUT_MS and "
    "EMOTION_GROUP_INSTANCE_ID.",
)
PARTITIONS = Metric(
    Gauge,
    "emotion_partitions",
    "partitions",
    "Partitions that this worker reads.",
    "Zero: more workers than partitions; this one is a spare.",
    options={"multiprocess_mode": "livesum"},
)
LAG_RECORDS = Metric(
    Gauge,
    "emotion_lag_records",
    "records",
    "Records of a partition that are not delivered yet; 0 of a partition that was given away.",
    "Growing: more processes, workers or a faster device, up to one worker a partition. Take the maximum over workers.",
    ("partition",),
    options={"multiprocess_mode": "livemostrecent"},
)
LAG_SECONDS = Metric(
    Gauge,
    "emotion_lag_seconds",
    "seconds",
    "Age of the record of a partition that was delivered last, by its timestamp; 0 without lag.",
    "As for `emotion_lag_records`. Alert on this one: it is what readers of the labels notice.",
    ("partition",),
    options={"multiprocess_mode": "livemostrecent"},
)
END_TO_END_SECONDS = Metric(
    Histogram,
    "emotion_end_to_end_seconds",
    "seconds",
    "From the timestamp of a record to the commit of its outcome.",
    "Lag is part of it. High without lag: a smaller EMOTION_TARGET_WINDOW_MS, or clocks of producers that are wrong.",
    options={"buckets": _LATENCY_SECONDS},
)
STAGE_SECONDS = Metric(
    Histogram,
    "emotion_stage_seconds",
    "seconds",
    "Time that a stage took for a window with records. `poll` includes the wait for them, `predict` the batching.",
    "Tells where time goes: `predict` should have nearly all of it. A slow `deliver`: look at the brokers.",
    ("stage",),
    options={"buckets": _SECONDS},
)
WINDOW_RECORDS = Metric(
    Histogram,
    "emotion_window_records",
    "records",
    "Records of a window.",
    "Always at EMOTION_WINDOW_MAX_RECORDS: raise it. Tiny under backlog: raise EMOTION_TARGET_WINDOW_MS.",
    options={"buckets": _SIZES},
)
WINDOW_TOKENS = Metric(
    Histogram,
    "emotion_window_tokens",
    "tokens",
    "Tokens of a window, padding left out; a text that a window holds several times counts once.",
    "None; explains `emotion_stage_seconds`.",
    options={"buckets": _TOKENS},
)
BATCH_TEXTS = Metric(
    Histogram,
    "emotion_batch_texts",
    "texts",
    "Different texts of a batch.",
    "None; explains `emotion_batch_padded_tokens`.",
    options={"buckets": _SIZES},
)
BATCH_PADDED_TOKENS = Metric(
    Histogram,
    "emotion_batch_padded_tokens",
    "tokens",
    "Tokens of a batch, padding to its widest row included.",
    "Under backlog near EMOTION_BATCH_TOKENS; far below it, windows are too small to fill batches.",
    options={"buckets": _TOKENS},
)
TOKENS = Metric(
    Counter,
    "emotion_tokens_total",
    "tokens",
    "Tokens that went into batches, padding left out.",
    "Its rate is the speed of the model, whatever the length of texts.",
)
PADDED_TOKENS = Metric(
    Counter,
    "emotion_padded_tokens_total",
    "tokens",
    "Tokens that went into batches, padding to the widest row of each included.",
    "`emotion_tokens_total` over this is the share of work that counts; below 0.8, larger windows help.",
)
DRIFT = Metric(
    Gauge,
    "emotion_drift",
    "1 (0 to 1)",
    "Distance (Jensen-Shannon) between the last 10,000 records of a process and the reference in the model's manifest: "
    "of `labels`, `scores`, `tokens` (lengths), `unknown_tokens`. The largest of all processes; absent before 1,000 "
    "records and for a model without a reference.",
    "Above 0.1 look, above 0.3 act: read samples, check the producer, train again with such texts.",
    ("feature",),
    options={"multiprocess_mode": "livemax"},
)
DEVICE_MEMORY_BYTES = Metric(
    Gauge,
    "emotion_device_memory_bytes",
    "bytes",
    "Memory of the device that torch holds for this worker; 0 on a CPU.",
    "Near the device's size: a smaller EMOTION_BATCH_TOKENS, or fewer processes.",
    options={"multiprocess_mode": "livesum"},
)
MODEL_INFO = Metric(
    Gauge,
    "emotion_model_info",
    "1",
    "Always 1: which model runs, where, in which number format.",
    "Two revisions at once outside of a deploy: a worker was left behind.",
    ("name", "revision", "device", "dtype"),
    options={"multiprocess_mode": "livemax"},
)
BUILD_INFO = Metric(
    Gauge,
    "emotion_build_info",
    "1",
    "Always 1: version of the worker and of what it stands on.",
    "As for `emotion_model_info`.",
    ("version", "python", "torch", "kafka_python"),
    options={"multiprocess_mode": "livemax"},
)
READY = Metric(
    Gauge,
    "emotion_ready",
    "1 (0 or 1)",
    "Whether /readyz says yes.",
    "0 for minutes: `curl …/readyz` names what is missing.",
    scope="service",
)
LIVE = Metric(
    Gauge,
    "emotion_live",
    "1 (0 or 1)",
    "Whether /livez says yes.",
    "0: a loop hangs; restart it. Kubernetes does so by itself. The log of the watchdog shows where it hung.",
    scope="service",
)
PROCESSES = Metric(
    Gauge,
    "emotion_processes",
    "processes",
    "Processes that run the loop now.",
    "Below EMOTION_PROCESSES: one crashed and waits to be restarted; see the log.",
    scope="service",
)
PROCESS_RESTARTS = Metric(
    Counter,
    "emotion_process_restarts_total",
    "restarts",
    "Processes that ended by themselves and were started again.",
    "Any: `process_ended` in the log, and what stands before it.",
    scope="service",
)

# Every metric above, in this order; nobody can add one and forget it here.
METRICS: tuple[Metric[Any], ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))


class Meters:
    """The metrics of one scope, made. `meters[RECORDS]` is the counter."""

    def __init__(self, scope: Literal["loop", "service"], registry: CollectorRegistry) -> None:
        self._made = {
            metric: metric.kind(metric.name, metric.meaning, metric.labels, registry=registry, **metric.options)
            for metric in METRICS
            if metric.scope == scope
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
