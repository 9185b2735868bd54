"""Metrics of what flows: records, labels, dead letters, lag."""

from prometheus_client import Counter, Gauge, Histogram

from worker.observe.metric_definition import Metric

_LATENCY_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400)
SCORES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)

RECORDS = Metric(
    Counter,
    "emotion_records_total",
    "records",
    "Records polled; those of a window that was not delivered count again when they are read again. Of a record that "
    "EMOTION_SPLIT takes apart each text counts.",
    "Its rate is the load. Zero while lag grows: see `emotion_ready`.",
)
LABELS = Metric(
    Counter,
    "emotion_labels_total",
    "records",
    "Labels delivered, by label; of a multi-label model by the best one of each text, whether it is given or not.",
    "Its rate is the output. A mix that moves: see `emotion_drift`.",
    ("label",),
)
LABELS_GIVEN = Metric(
    Counter,
    "emotion_labels_given_total",
    "records",
    "Texts delivered that a multi-label model gives the label: its score is at or above the label's threshold. A text "
    "may have several labels, or none. Absent for other models.",
    "As a share of the sum of `emotion_labels_total`: a label that hardly any text gets, or nearly all, wants another "
    "threshold.",
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
SKIPPED = Metric(
    Counter,
    "emotion_skipped_total",
    "records",
    "Records that neither a label nor a dead letter left for: `condition` (EMOTION_ONLY_IF), `without_text` "
    "(EMOTION_WITHOUT_TEXT=skip), `unchanged_text` (Debezium did not send it) or `other_share` (EMOTION_KEY_SHARE).",
    "All of the records: EMOTION_ONLY_IF or EMOTION_TEXT_FIELD does not fit them. `other_share` is as large as the "
    "setting says.",
    ("reason",),
)
NOT_CONFIDENT = Metric(
    Counter,
    "emotion_not_confident_total",
    "records",
    "Labels delivered whose score is below the threshold of the model or of EMOTION_CONFIDENT_SCORE; of a multi-label "
    "model those of texts that are given no label.",
    "As a share of the labels: a lasting rise means texts unlike those the model learnt from; see `emotion_drift`.",
)
REVIEWS = Metric(
    Counter,
    "emotion_reviews_total",
    "texts",
    "Labelled texts that left for review (EMOTION_REVIEW_TOPIC), by the reason why they were drawn; a text with "
    "several counts for each.",
    "Its rate is the work of your reviewers; the EMOTION_REVIEW_…_PER_MILLION settings set it.",
    ("reason",),
)
REVIEWS_HELD_BACK = Metric(
    Counter,
    "emotion_reviews_held_back_total",
    "texts",
    "Labelled texts that would have been drawn for review, were it not for EMOTION_REVIEW_PER_MINUTE.",
    "A lasting rate: lower the rates, or raise the bound. Estimates stay right, but need more answers.",
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
    "Scores of the labels delivered; of a multi-label model that of the best one of each text.",
    "Scores that fall mean texts unlike those the model learnt from; see `emotion_drift`.",
    options={"buckets": SCORES},
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
UNDELIVERED_ATTEMPTS = Metric(
    Gauge,
    "emotion_undelivered_attempts",
    "attempts",
    "How often in a row the window at hand was not delivered; the largest of all processes.",
    "Above 5 for a minute: the worker is stuck. The log says why at `window_stuck`.",
    options={"multiprocess_mode": "livemax"},
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
    "Partitions that this worker reads; 0 while it is no member of the group.",
    "Zero: more workers than partitions, and this one is a spare; or see `emotion_ready`.",
    options={"multiprocess_mode": "livesum"},
)
INPUT_PARTITIONS = Metric(
    Gauge,
    "emotion_input_partitions",
    "partitions",
    "Partitions of all input topics, as of the last rebalance; 0 before the first.",
    "The sum of `emotion_partitions` over all workers is less for minutes: nobody labels the others; something that is "
    "no worker is a member of the group, or it does not come to rest.",
    options={"multiprocess_mode": "livemax"},
)
LAG_RECORDS = Metric(
    Gauge,
    "emotion_lag_records",
    "records",
    "Records of a partition behind the group's committed offset, up to the end of the log as the brokers told within "
    "the last seconds; those of open transactions count, as for Kafka's tools. 0 of a partition that was given away; "
    "a worker that is no member of the group shows what it knew last.",
    "Growing: more processes, workers or a faster device, up to one worker a partition. Take the maximum over workers.",
    ("topic", "partition"),
    options={"multiprocess_mode": "livemostrecent"},
)
LAG_SECONDS = Metric(
    Gauge,
    "emotion_lag_seconds",
    "seconds",
    "Age of the oldest record of a partition that is not delivered yet, by its timestamp, or by that of a record just "
    "before it; 0 without lag. Never more than the time since the partition was last seen to be delivered up to its "
    "end. Of a partition that was just assigned, and of which nothing was fetched yet: since it was assigned.",
    "As for `emotion_lag_records`. Alert on this one: it is what readers of the labels notice.",
    ("topic", "partition"),
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
