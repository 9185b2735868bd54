"""Metrics of a challenger: how far it agrees with the live workers. `run` without one does not have them."""

from prometheus_client import Counter, Histogram

from worker.observe.metric_definition import Metric

_GAPS = (-0.5, -0.3, -0.2, -0.1, -0.05, -0.02, 0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1)

COMPARED = Metric(
    Counter,
    "emotion_challenger_compared_total",
    "texts",
    "Texts that the challenger labelled beside the live workers, compared and delivered.",
    "Its rate beside that of `emotion_labels_total` of the live workers is the share that is looked at; if it stays "
    "behind: more challengers, or a smaller --share.",
    scope="challenge",
)
DISAGREEMENTS = Metric(
    Counter,
    "emotion_challenger_disagreements_total",
    "texts",
    "Those of them that the challenger labels otherwise, by both labels; of a multi-label model by the best ones, "
    "which may be the same. `other`: any label past the first 40 of a model.",
    "As a share of `emotion_challenger_compared_total`. Look at the records of a pair in EMOTION_CHALLENGER_TOPIC.",
    ("live", "challenger"),
    scope="challenge",
)
CONFIDENCE_CHANGED = Metric(
    Counter,
    "emotion_challenger_confidence_changed_total",
    "texts",
    "Texts of which one label is confident and the other is not, by what they would become.",
    "`not_confident` far above `confident`: the new model or its threshold gives you fewer labels to rely on.",
    ("becomes",),
    scope="challenge",
)
SCORE_GAP = Metric(
    Histogram,
    "emotion_challenger_score_gap",
    "1 (-1 to 1)",
    "The challenger's score less the live one, each of its own label: above 0 the challenger is the surer one. There "
    "is no sum.",
    "None; a surer model is not a better one. `emotion-trainer reviews` tells which is right.",
    scope="challenge",
    options={"buckets": _GAPS},
)
UNMATCHED = Metric(
    Counter,
    "emotion_challenger_unmatched_total",
    "labels",
    "Live labels that were not compared: `text_gone` (retention or compaction took the text, or its topic was made "
    "anew), `not_labelled` (the challenger gives the text none), `no_label` (something else on the output topic), "
    "`other_input` (its text is of another topic), `bounded_run` (of a part that was labelled again), `repeated`.",
    "`text_gone`: the challenger is further behind than the input keeps texts. `not_labelled`: its settings are not "
    "those of the live workers. `other_input`: EMOTION_INPUT_TOPIC.",
    ("reason",),
    scope="challenge",
)
