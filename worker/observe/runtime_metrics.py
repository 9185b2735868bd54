"""Metrics of how the work is done: stages, windows, batches, model, processes."""

from prometheus_client import Counter, Gauge, Histogram

from worker.observe.metric_definition import Metric, info

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_SIZES = (1, 4, 16, 64, 256, 1024, 4096, 16384)
_TOKENS = (64, 256, 1024, 4096, 16384, 65536, 262144)

STAGE_SECONDS = Metric(
    Histogram,
    "emotion_stage_seconds",
    "seconds",
    "Time that a stage took for a window with records. `poll` includes the wait for them, `predict` the batching.",
    "Tells where time goes: `predict` should have nearly all of it. A slow `deliver`: look at the brokers.",
    ("stage",),
    options={"buckets": SECONDS},
)
WINDOW_RECORDS = Metric(
    Histogram,
    "emotion_window_records",
    "records",
    "Records of a window.",
    "Always at EMOTION_WINDOW_MAX_RECORDS: raise it. Under backlog one in ten is small, to learn what is fixed of its "
    "cost.",
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
    "of `labels`, `scores`, `tokens` (lengths), `unknown_tokens`; of a canary, held against its own, `canary_labels` "
    "and so on. The largest of all processes; absent before 1,000 records and for a model without a reference.",
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
MODEL_INFO = info(
    "emotion_model_info",
    "which model runs, where, in which number format.",
    "Two revisions at once outside of a deploy: a worker was left behind.",
    ("name", "revision", "device", "dtype"),
)
BUILD_INFO = info(
    "emotion_build_info",
    "version of the worker and of what it stands on.",
    "As for `emotion_model_info`.",
    ("version", "python", "torch", "kafka_python"),
)
START_TIME_SECONDS = Metric(
    Gauge,
    "emotion_start_time_seconds",
    "seconds",
    "When the worker was started, since 1970. It is shown from the first second on, before the model is loaded.",
    "It changes again and again: the worker dies and is started again, perhaps each time while it loads. See the exit "
    "code of its container.",
    scope="service",
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
