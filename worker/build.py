"""Builds the parts of the worker from the settings. Heavy imports wait until what can fail fast has been tried."""

import gc
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from worker import loop
from worker.artifact import find_artifact
from worker.batcher import plan
from worker.broker import DEFAULT_MAX_MESSAGE_BYTES, Broker, transactional_id
from worker.cache import ScoreCache
from worker.decode import decode, message_reader
from worker.encode import Encoder, Target
from worker.errors import UserError
from worker.guard import RejectionGuard
from worker.pace import Pace
from worker.settings import Settings
from worker.sink import Sink
from worker.source import Source
from worker.topics import topic_problems
from worker.warm_up import same_labels

if TYPE_CHECKING:
    from worker.model import Model
    from worker.tokenizer import Tokenizer


_log = logging.getLogger(__name__)

_COLLECT_AFTER = 50_000  # new objects; 700 otherwise


def now_ms() -> int:
    """Milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


def load_model(settings: Settings) -> "tuple[Model, Tokenizer]":
    """The model and its tokenizer.

    In another number format than float32 it is compared with float32 first, and left in float32 if the labels differ.

    Raises:
        UserError: There is no such model, device or dtype.
    """
    artifact = find_artifact(settings.model, settings.model_revision)
    from worker.model import Model
    from worker.tokenizer import Tokenizer

    model = Model(artifact, settings.device, settings.dtype, settings.batch_tokens, settings.confident_score)
    tokenizer = Tokenizer(artifact, model.positions)
    if not model.is_exact:
        exact = Model(artifact, settings.device, "float32", settings.batch_tokens, settings.confident_score)
        if not same_labels(model, exact, tokenizer):
            _log.warning("dtype_stepped_back", extra={"from": str(model.dtype), "to": str(exact.dtype)})
            model = exact
    return model, tokenizer


def checked_topics(broker: Broker, settings: Settings) -> dict[str, int]:
    """The largest message in bytes that each topic takes, once all three are fit for use.

    Raises:
        UserError: Everything that is wrong with them.
    """
    with broker.admin() as admin:
        topics = admin.topics([settings.input_topic, settings.output_topic, settings.dead_letter_topic])
    problems = topic_problems(topics, settings)
    if problems:
        raise UserError("\n".join(map(str, problems)))
    return {topic.name: topic.max_message_bytes or DEFAULT_MAX_MESSAGE_BYTES for topic in topics.values()}


def make_stages(
    settings: Settings,
    limits: Mapping[str, int],
    model: "Model",
    tokenizer: "Tokenizer",
    source: loop.Source,
    sink: loop.Sink,
    label_prefix: bytes = b"",
) -> loop.Stages:
    """All stages between a source and a sink.

    `limits` are the largest messages in bytes, by topic; `label_prefix` stands before the JSON of every label.
    """
    encoder = Encoder(
        model.info,
        Target(settings.output_topic, limits[settings.output_topic]),
        Target(settings.dead_letter_topic, limits[settings.dead_letter_topic]),
        now_ms,
        settings.cloudevents_source,
        label_prefix,
    )
    prefixed = settings.schema_registry_url is not None
    reader = message_reader(settings.input_format, settings.fields, settings.max_message_bytes, prefixed)
    stages = loop.Stages(
        source=source,
        decode=partial(decode, reader),
        tokenize=tokenizer.tokenize,
        plan=lambda tokenized: plan(tokenized, model.batch_tokens),
        predict=model.predict,
        encode=encoder.encode,
        guard=RejectionGuard(settings.dead_letter_topic, settings.max_rejected_percent),
        sink=sink,
    )
    if settings.cache_texts:
        cache = ScoreCache(stages.predict, stages.plan, settings.cache_texts)
        stages = replace(stages, predict=cache.predict)
    return stages


def make_source(settings: Settings, consumer: Any, topic: str, wait: Callable[[float], object]) -> Source:
    """A source that gathers windows of `topic` for `consumer`. `wait` sleeps seconds, less if told to stop."""
    pace = Pace(settings.target_window_ms / 1000, settings.window_max_records, time.monotonic)
    return Source(consumer, topic, pace, settings.start_offset, wait)


def make_sink(broker: Broker, settings: Settings, consumer: Any, max_message_bytes: int) -> Sink:
    """A sink that commits what `consumer` has read.

    Raises:
        UserError: Writing is not allowed, or the brokers are too old.
    """
    exactly_once = settings.delivery == "exactly_once"
    identity = transactional_id(settings.group_id) if exactly_once else None
    make_producer = partial(broker.producer, max_message_bytes, identity)
    return Sink(consumer, make_producer, exactly_once, timeout_seconds=settings.session_timeout_ms / 1000)


def spare_the_collector() -> None:
    """Let the garbage collector look at new objects only, and seldom.

    A window makes many objects and no cycles; what it looked through instead, again and again, was torch and
    transformers: a quarter of the time of everything that is not the model.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 100)
