"""Builds the parts of the worker from the settings. Heavy imports wait until what can fail fast has been tried."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from schemas.codec import encode_label
from schemas.dead_letter import letter_headers
from worker import loop
from worker.canary.two_models import Canary, ModelStages, TwoModels
from worker.circuit_breaker import CircuitBreaker
from worker.errors import UserError
from worker.flow import Attention, Decoded, Record, Refusals
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients, transactional_id
from worker.kafka.committed_offsets import CommittedOffsets, FindAnswered
from worker.kafka.own_keys import ALL_KEYS, KeyShare
from worker.kafka.sink import Sink
from worker.kafka.source import Source
from worker.kafka.start_offsets import StartOffsets
from worker.kafka.topics import NAMED_BY, Topic, arrival_hints, retention_hints, topic_problems
from worker.kafka.window_size import FIRST_RECORDS, WindowSizer
from worker.labelling import make_reader, make_splitter, now_ms, planner
from worker.messages.decode import decode
from worker.messages.encode import Encoder
from worker.messages.fastavro_extra import require_fastavro
from worker.messages.label_headers import LabelHeaders
from worker.messages.registry_client import RegistryClient
from worker.messages.schema_registry import WriteLabel
from worker.messages.split import SplitSource
from worker.messages.target import Target
from worker.model.score_cache import ScoreCache
from worker.reviewing import make_reviewer
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

_log = logging.getLogger(__name__)


def checked_topics(
    clients: KafkaClients, settings: Settings, named_by: tuple[str, str, str] = NAMED_BY
) -> dict[str, Topic]:
    """The topics, once all are fit for use; `named_by` what names them.

    Raises:
        UserError: Everything that is wrong with them.
    """
    with clients.admin() as admin:
        topics = admin.topics(settings.topics)
    problems = topic_problems(topics, settings, named_by)
    if problems:
        raise UserError("\n".join(map(str, problems)))
    for name, hint in arrival_hints(topics, settings).items():
        _log.warning("timestamps_of_arrival", extra={"topic": name, "detail": hint.detail, "mend": hint.mend})
    for name in (settings.output_topic, settings.dead_letter_topic):
        for hint in retention_hints(topics, name, settings):
            _log.warning(
                "retention_shorter_than_input", extra={"topic": name, "detail": hint.detail, "mend": hint.mend}
            )
    return topics


def largest_message_bytes(topics: Mapping[str, Topic], settings: Settings) -> int:
    """What a message may have that every output topic takes."""
    return min(make_target(topics[name]).max_message_bytes for name in settings.outputs)


def make_target(topic: Topic) -> Target:
    """Where records go, and what it takes."""
    max_message_bytes = topic.max_message_bytes or DEFAULT_MAX_MESSAGE_BYTES
    retention_ms = None if topic.stamps_arrival else topic.retention_ms  # which counts from the record's own time
    return Target(topic.name, max_message_bytes, topic.max_past_ms, topic.max_future_ms, retention_ms)


def make_stages(
    settings: Settings,
    topics: Mapping[str, Topic],
    model: "Model",
    tokenizer: "Tokenizer",
    source: loop.Source,
    sink: loop.Sink,
    refusals: Refusals,
    write_label: WriteLabel = encode_label,
    attention: Attention | None = None,
    canary: Canary | None = None,
) -> loop.Stages:
    """All stages between a source and a sink, which shares `refusals`; `write_label` makes the value of every label.

    `attention` says how many times as many texts as usual are drawn for review. With a `canary` two models label.

    Raises:
        UserError: fastavro is missing, the CA file of the schema registry cannot be used, or a label that is said to be
            rare is none of the model's.
    """
    own = partial(_model_stages, settings, topics, refusals=refusals, write_label=write_label)
    of_model = own(model, tokenizer)
    prefixed = settings.schema_registry_url is not None and settings.input_format == "json"
    split = make_splitter(settings, settings.input_format, prefixed)
    review: loop.Review = loop.no_reviews
    if settings.review_topic is not None:
        target = make_target(topics[settings.review_topic])
        review = make_reviewer(settings, target, model.info, refusals, attention or Attention(), canary).review
    stages = loop.Stages(
        source=SplitSource(source, split, settings.window_max_records) if split else source,
        decode=make_decoder(settings, prefixed),
        tokenize=of_model.tokenize,
        plan=of_model.plan,
        predict=of_model.predict,
        encode=of_model.encode,
        circuit_breaker=CircuitBreaker(settings.dead_letter_topic, settings.max_rejected_percent),
        sink=sink,
        review=review,
    )
    if canary is None:
        return stages
    of_canary = own(canary.model, canary.tokenizer)
    of_model = of_model._replace(predict=canary.measured("live", of_model.predict))
    of_canary = of_canary._replace(predict=canary.measured("canary", of_canary.predict))
    return TwoModels(of_model, of_canary, canary.route).around(stages)


def _model_stages(
    settings: Settings,
    topics: Mapping[str, Topic],
    model: "Model",
    tokenizer: "Tokenizer",
    refusals: Refusals,
    write_label: WriteLabel,
) -> ModelStages:
    encoder = Encoder(
        model.info,
        make_target(topics[settings.output_topic]),
        make_target(topics[settings.dead_letter_topic]),
        now_ms,
        settings.cloudevents_source,
        write_label,
        refusals,
        LabelHeaders(settings.drop_headers),
        keep_timestamps=settings.label_timestamp == "text",
        letter_headers=partial(
            letter_headers, conventions=settings.dead_letter_conventions, group_id=settings.group_id
        ),
    )
    stages = ModelStages(tokenizer.tokenize, planner(model), model.predict, encoder.encode)
    if settings.cache_texts:
        cache = ScoreCache(stages.predict, stages.plan, settings.cache_texts)
        stages = stages._replace(plan=cache.plan, predict=cache.predict)
    return stages


def make_decoder(settings: Settings, prefixed: bool) -> Callable[[list[Record]], Decoded]:
    """Reads a window as the settings say; `prefixed`: what a schema registry's serializer puts before it may be there.

    Raises:
        UserError: fastavro is missing, or the CA file of the schema registry cannot be used.
    """
    skip_without_text = settings.without_text == "skip"
    if settings.input_format != "avro":
        reader = make_reader(settings, settings.input_format, prefixed)
        return partial(decode, reader, skip_without_text=skip_without_text)
    require_fastavro("EMOTION_INPUT_FORMAT=avro")
    from worker.messages.decode_avro import AvroDecoder

    return AvroDecoder(RegistryClient(settings), settings.fields, settings.max_message_bytes, skip_without_text)


def make_source(
    settings: Settings,
    consumer: Any,
    topics: Sequence[str],
    wait: Callable[[float], object],
    committed: CommittedOffsets,
    unblock: Callable[[], object] | None = None,
    answered: FindAnswered = lambda _: {},
    share: KeyShare = ALL_KEYS,
) -> Source:
    """A source that gathers windows of `topics` for `consumer`.

    `wait` sleeps seconds, less if told to stop; `committed` is shared with the sink; `unblock` is called where
    committed offsets are not to be had although brokers answer; `answered` tells where to go on where there are none;
    `share` says which keys are answered, the others being skipped.
    """
    first_records = 1 if settings.split else FIRST_RECORDS  # a record may hold very many texts
    target_seconds, longest_seconds = settings.target_window_ms / 1000, settings.longest_window_ms / 1000
    sizer = WindowSizer(target_seconds, longest_seconds, settings.window_max_records, time.monotonic, first_records)
    starts = StartOffsets(consumer, committed, settings.start_offset, unblock, answered, share)
    return Source(consumer, topics, sizer, starts, wait)


def make_sink(
    clients: KafkaClients,
    settings: Settings,
    consumer: Any,
    max_message_bytes: int,
    committed: CommittedOffsets,
    refusals: Refusals | None = None,
    name: Callable[[str], str] = transactional_id,
) -> Sink:
    """A sink that commits what `consumer` has read. `name` makes a transactional id for the group.

    What brokers refuse it adds to `refusals`; without them it ends the worker.

    Raises:
        UserError: Writing is not allowed, or the brokers are too old.
    """
    exactly_once = settings.delivery == "exactly_once"
    identity = name(settings.group_id) if exactly_once else None
    make_producer = partial(clients.producer, max_message_bytes, identity)
    return Sink(consumer, make_producer, exactly_once, settings.session_timeout_ms / 1000, committed, refusals)
