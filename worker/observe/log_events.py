"""Every event that the worker logs, and its fields; a test holds the code against it."""

from typing import NamedTuple


class Event(NamedTuple):
    """An event, the fields it comes with, and what it tells."""

    name: str
    fields: tuple[str, ...]
    meaning: str


EVENTS = (
    Event(
        "worker_starting",
        ("model", "processes", "cores", "memory_limit_bytes"),
        "Before anything is loaded: what it was told, and what control groups leave it; null without a limit.",
    ),
    Event(
        "worker_started",
        ("model", "revision", "device", "dtype", "delivery"),
        "The model is loaded; from here on it joins its group.",
    ),
    Event(
        "serve_started",
        ("address", "needs_token", "model", "revision", "device", "dtype"),
        "The model is loaded; from here on `serve` answers.",
    ),
    Event("serve_stopped", (), "What was asked by then was answered."),
    Event("model_from_hub", ("commit", "pinned"), "Which commit was taken; a warning where no revision pins it."),
    Event(
        "slower_tokenizer",
        ("error",),
        "The faster WordPiece does not know a part of this tokenizer, or gave other tokens for built-in texts. The "
        "tokenizer itself is used: same labels, a few times the CPU for each text.",
    ),
    Event(
        "tokenizer_read_two_ways",
        ("detail", "mend"),
        "transformers 5 makes other tokens of the model's folder than its tokenizer.json, so `pipeline()` gives other "
        "scores than the worker, which uses the file.",
    ),
    Event(
        "neighbours_matter",
        ("sharing", "difference"),
        "Padding changes the scores of this model: of built-in texts by such a part of a score. So only texts of "
        "`equal_lengths` share a batch; or each has its own (`no_others`), as even those change each other's. The "
        "scores are those of a text alone; it takes longer.",
    ),
    Event(
        "words_lost_to_emoji",
        ("detail", "mend"),
        "The model's tokenizer does not part emoji from words: `happy😂` is no known word to it, and tells it nothing.",
    ),
    Event(
        "dtype_stepped_back",
        ("from", "to", "different_labels"),
        "So many labels of built-in texts differ from those in float32: the worker goes on in that.",
    ),
    Event(
        "drift_began",
        ("feature", "distance", "threshold", "review_factor"),
        "A feature of the stream is this far from the model's reference; so many times as many texts leave for review.",
    ),
    Event("drift_ended", ("feature", "distance", "threshold"), "It is a fifth below the threshold again."),
    Event(
        "review_left_out",
        ("origin", "error"),
        "A text that was drawn for review did not leave: the review topic does not take it. It is labelled.",
    ),
    Event(
        "challenge_started",
        ("group", "topic", "model", "revision", "device", "dtype", "share"),
        "A challenger: which model, what share of the texts it looks at, and where disagreements go.",
    ),
    Event("challenge_stopped", (), "What was compared by then was delivered. The summary is on standard output."),
    Event(
        "texts_not_read",
        ("error",),
        "The texts of live labels cannot be read now; the challenger waits, and its labels wait with it.",
    ),
    Event(
        "disagreement_left_out",
        ("origin", "error"),
        "The models disagree on a text, and the topic of disagreements does not take it. It is counted.",
    ),
    Event("relabel_started", ("group", "model", "offsets"), "A bounded run begins; it spans so many offsets."),
    Event(
        "label_schema_found",
        ("subject", "schema_id", "registered"),
        "The schema registry holds the label's schema under this id; whether it was registered just now.",
    ),
    Event(
        "writer_schema_found",
        ("schema",),
        "The schema registry has the schema that values of the input name; they are read by it from now on.",
    ),
    Event(
        "canary_started",
        ("model", "revision", "device", "dtype", "percent"),
        "A second model is loaded (EMOTION_CANARY_MODEL), and labels so many percent of the keys.",
    ),
    Event(
        "canary_differs",
        ("detail", "mend"),
        "In what readers of the labels will see that there are two models; or that it is one and the same.",
    ),
    Event(
        "canary_memory_short",
        ("detail", "mend"),
        "The limit of the container is likely too small for two models in each process; they are loaded all the same.",
    ),
    Event("worker_stopped", (), "The last window was delivered, and the group was left."),
    Event(
        "retention_shorter_than_input",
        ("topic", "detail", "mend"),
        "An output topic deletes records sooner than the input does: what answers an old text may be gone at once.",
    ),
    Event(
        "timestamps_of_arrival",
        ("topic", "detail", "mend"),
        "Brokers stamp the records of this topic as they arrive (`message.timestamp.type=LogAppendTime`), although "
        "labels are to have the time of their texts.",
    ),
    Event(
        "outcome_past_retention",
        ("topic", "partition", "age_ms", "retention_ms"),
        "A label or dead letter has the time of its text, which is older than its topic keeps records: it will be "
        "deleted. Said once a partition; see `EMOTION_LABEL_TIMESTAMP`.",
    ),
    Event(
        "producer_not_idempotent",
        ("error",),
        "The brokers have no idempotent producers: where an answer of theirs is lost, labels may come twice.",
    ),
    Event(
        "partitions_assigned",
        ("partitions", "starts"),
        "A new generation of the group. `starts` says for each partition from which `offset` it is read, and `why`: it "
        "is `committed`; `answers` in the outputs end there, and the group has none; the topic was `made_anew`; or the "
        "group is new, `earliest` or `latest`.",
    ),
    Event(
        "topic_made_anew",
        ("topic",),
        "The topic was deleted and made again under its name. Of an input nothing of the old one is committed, and the "
        "new one is read from its beginning. Of an output, what it held is gone; the worker goes on.",
    ),
    Event(
        "answered_records_gone",
        ("topic", "partition"),
        "The group has no offset, and the records that the outputs answer are not there any more: the topic was made "
        "anew, or they were deleted. What is there is read from its beginning.",
    ),
    Event(
        "offset_went_back",
        ("partition", "broker_offset", "offset"),
        "The brokers have lost a commit (see the recovery drills); the worker goes on from what it knows.",
    ),
    Event(
        "commit_undone",
        ("partition", "broker_offset", "offset"),
        "Brokers that came back have undone a commit, or a part of one, that they had acknowledged (see the recovery "
        "drills); its window is read again from `offset` on, which is null where the group had none before.",
    ),
    Event(
        "generation_went_back",
        ("generation", "before"),
        "The group's coordinator has forgotten what it knew; the output topics tell how far the input was answered.",
    ),
    Event(
        "answers_not_read",
        ("error",),
        "The output topics have to tell what was answered, and cannot be read now, or a transaction is open in a "
        "partition of this worker; nothing is labelled before that. The worker needs Read on both; past the session "
        "time-out see the recovery drills.",
    ),
    Event(
        "abandoned_transaction_ended",
        ("committed", "partitions"),
        "A worker of the group died together with brokers, which came back having forgotten the end of its last "
        "transaction: it is committed or aborted now, as its coordinator says.",
    ),
    Event(
        "abandoned_transactions_left",
        ("error",),
        "Whether there are any cannot be told now, or one cannot be ended; if readers of labels stand still, see the "
        "recovery drills.",
    ),
    Event(
        "broker_away",
        ("error", "retry_in_seconds"),
        "A request to the brokers failed for a reason that may pass; it is tried again.",
    ),
    Event(
        "schema_registry_away",
        ("error",),
        "A window waits: the schema registry does not say what its values are. It is read again, and asked again.",
    ),
    Event(
        "window_not_delivered",
        ("records", "error"),
        "Nothing of this window was committed; it is read again.",
    ),
    Event(
        "window_stuck",
        ("attempts", "error"),
        "The same window was not delivered so often in a row; see the runbook. `error` has the brokers' own words.",
    ),
    Event("batch_halved", ("texts", "error"), "The model failed on a batch; its halves are tried."),
    Event("batch_tokens_shrunk", ("batch_tokens",), "The device ran out of memory; later batches are smaller."),
    Event("producer_close_failed", ("error",), "A producer did not close in time; nothing hangs on it."),
    Event("consumer_close_failed", ("error",), "The consumer did not close in time; nothing hangs on it."),
    Event("golden_set_agrees", ("texts",), "The model makes of so many texts here what it made where it was trained."),
    Event("batch_tokens_found", ("batch_tokens",), "What was measured to be the best batch size here."),
    Event("batch_tokens_too_many", ("batch_tokens", "error"), "Memory did not hold a batch that large."),
    Event("batch_tokens_not_kept", ("error",), "The measurement could not be written down; the next start repeats it."),
    Event("process_started", ("process_number", "pid"), "One of several processes was started."),
    Event(
        "process_ended",
        ("process_number", "exit_code", "restart_in_seconds"),
        "One of several processes ended by itself; it is started again.",
    ),
)


def markdown_table() -> str:
    """The events as the documentation shows them."""
    lines = ["| event | fields | meaning |", "| --- | --- | --- |"]
    for event in EVENTS:
        fields = ", ".join(f"`{name}`" for name in event.fields) or "–"
        lines.append(f"| `{event.name}` | {fields} | {event.meaning} |")
    return "\n".join(lines)
