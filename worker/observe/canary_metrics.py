"""Metrics of two models in one worker, each by itself. Without a canary they have no series."""

from prometheus_client import Counter, Gauge, Histogram

from worker.observe.metric_definition import Metric
from worker.observe.runtime_metrics import SECONDS
from worker.observe.stream_metrics import SCORES

CANARY_SHARE = Metric(
    Gauge,
    "emotion_canary_share",
    "1 (0 to 1)",
    "The share of keys that a second model labels (EMOTION_CANARY_PERCENT), and which model that is; the live one is "
    "in `emotion_model_info`. Absent without a canary.",
    "Two shares or two revisions at once: a deploy is on its way, and in its course some keys go back and forth.",
    ("name", "revision", "device", "dtype"),
    options={"multiprocess_mode": "livemax"},
)
MODEL_LABELS = Metric(
    Counter,
    "emotion_model_labels_total",
    "records",
    "With a canary: as `emotion_labels_total`, for each `model` (`live`, `canary`). Absent without one, as all of "
    "`emotion_model_…`, but for `emotion_model_info`.",
    "Compare the shares of the labels: the two have like texts, since keys are drawn at random.",
    ("model", "label"),
)
MODEL_SCORE = Metric(
    Histogram,
    "emotion_model_score",
    "1 (0 to 1)",
    "With a canary: as `emotion_score`, for each model.",
    "Lower scores of the canary: it is less sure, or better calibrated; `emotion-trainer compare` tells.",
    ("model",),
    options={"buckets": SCORES},
)
MODEL_NOT_CONFIDENT = Metric(
    Counter,
    "emotion_model_not_confident_total",
    "records",
    "With a canary: as `emotion_not_confident_total`, for each model.",
    "As a share of that model's labels.",
    ("model",),
)
MODEL_FAILED = Metric(
    Counter,
    "emotion_model_failed_total",
    "texts",
    "With a canary: texts that a model fails on, for each model; they become dead letters. Those of a window that is "
    "read again count again.",
    "Any of the canary, and none of the live model: roll back.",
    ("model",),
)
MODEL_TOKENS = Metric(
    Counter,
    "emotion_model_tokens_total",
    "tokens",
    "With a canary: as `emotion_tokens_total`, for each model.",
    "Its rate over that of `emotion_model_predict_seconds_sum` is the speed of each model.",
    ("model",),
)
MODEL_PREDICT_SECONDS = Metric(
    Histogram,
    "emotion_model_predict_seconds",
    "seconds",
    "With a canary: time that each model took of the stage `predict`, a window. The labels of a window leave together, "
    "whichever model they are of.",
    "What the canary will cost: its seconds a token beside those of the live model. Its batches are smaller at a small "
    "share, and take longer a token.",
    ("model",),
    options={"buckets": SECONDS},
)
