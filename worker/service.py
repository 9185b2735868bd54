"""One loop of the service, from start to drain."""

import faulthandler
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, TypeVar

from worker import build, loop
from worker.canary.loading import load_canary
from worker.canary.two_models import Canary
from worker.errors import NotAnsweredError, NotDeliveredError
from worker.flow import Attention, Refusals
from worker.kafka.answered_offsets import find_answered
from worker.kafka.clients import KafkaClients
from worker.kafka.committed_offsets import CommittedOffsets, FindAnswered
from worker.kafka.committed_outputs import find_visible
from worker.kafka.hanging_transactions import end_hanging_transactions
from worker.kafka.own_keys import KeyShare, decode_own
from worker.kafka.patches.cluster_id import cluster_id
from worker.kafka.topics import Topic, may_read
from worker.labelling import load_model, log_hints, warm_up
from worker.messages.outcome_origin import read_answer
from worker.messages.schema_registry import label_reader, label_writer
from worker.observe.canary_counter import TwoModelsCounter, measured, show_canary
from worker.observe.drift_alarm import DriftAlarm
from worker.observe.health import Heartbeat
from worker.observe.instrumentation import Instrumentation
from worker.observe.label_counter import LabelCounter, show_model
from worker.observe.metrics import Meters
from worker.observe.tracing import tracing
from worker.observe.window_counter import LabelCounting, WindowCounter
from worker.process.memory import set_aside
from worker.process.signals import stop_on_signals
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

_log = logging.getLogger(__name__)

T = TypeVar("T")

_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0)


def serve(settings: Settings, stop: threading.Event, meters: Meters, heartbeat: Heartbeat) -> None:
    """Label until told to stop. Until the group is joined there is nothing to finish, and signals stay as they are.

    While brokers are away it waits for them.

    Raises:
        UserError: Something that `emotion-worker check` would have told.
    """
    traces = tracing(settings)
    clients = KafkaClients(settings)
    topics = answered(partial(build.checked_topics, clients, settings), stop)
    smallest, refusals = build.largest_message_bytes(topics, settings), Refusals()
    write_label = label_writer(settings)
    model, tokenizer = load_model(settings)  # before the group is joined: loading may take longer than a session
    warm_up(model, settings)
    canary = load_canary(settings, model)
    consumer = answered(clients.consumer, stop)
    known = answered(partial(_known_offsets, clients, settings, topics), stop)
    share = KeyShare(*settings.key_range)
    source = build.make_source(
        settings, consumer, settings.input_topics, stop.wait, known.committed, known.unblock, known.find_answered, share
    )
    make_sink = partial(build.make_sink, clients, settings, consumer, smallest, known.committed, refusals)
    with (
        traces as traced,
        closing(source),
        closing(answered(make_sink, stop)) as sink,
        stop_on_signals(stop),
    ):
        attention = Attention()
        canary = canary and replace(canary, measured=partial(measured, meters))
        stages = build.make_stages(
            settings, topics, model, tokenizer, source, sink, refusals, write_label, attention, canary
        )
        if not share.is_whole:
            stages = replace(stages, decode=partial(decode_own, share, stages.decode))
        _log_start(model, tokenizer, settings)
        alarm = DriftAlarm(settings.drift_threshold, settings.review_drift_factor, attention)
        labels = _label_counter(meters, model, tokenizer, canary)
        counter = WindowCounter(meters, labels, settings.dead_letter_topic, alarm)
        instrumentation = Instrumentation(stages, source, counter, meters, heartbeat, settings.longest_turn_ms / 1000)
        set_aside()
        traced_stages = traced(instrumentation.stages(), partial(cluster_id, consumer))
        loop.run(traced_stages, stop.is_set, partial(arm_watchdog, settings.max_poll_interval_ms))
    _log.info("worker_stopped")


def answered(ask: Callable[[], T], stop: threading.Event) -> T:
    """What `ask` gives, once brokers answer; another start would find them away as well."""
    for seconds in chain(_BACKOFF_SECONDS, repeat(_BACKOFF_SECONDS[-1])):
        try:
            return ask()
        except (NotAnsweredError, NotDeliveredError) as error:
            _log.warning("broker_away", extra={"error": str(error), "retry_in_seconds": seconds})
            if stop.wait(seconds):
                break
    sys.exit(0)  # nothing was begun


@dataclass(frozen=True)
class _Offsets:
    """What is known to be committed, what the outputs tell where nothing is, and what to call where neither answers."""

    committed: CommittedOffsets
    find_answered: FindAnswered
    unblock: Callable[[], object] | None


def _known_offsets(clients: KafkaClients, settings: Settings, topics: Mapping[str, Topic]) -> _Offsets:
    """At least once leaves nothing open, and need not have the right to read its outputs."""
    read = partial(read_answer, label_reader(settings))
    answered: FindAnswered = partial(find_answered, clients, settings, read)
    if settings.delivery == "at_least_once":
        outputs = (topics[settings.output_topic], topics[settings.dead_letter_topic])
        return _Offsets(CommittedOffsets(), answered if all(map(may_read, outputs)) else lambda _: {}, None)
    end_hanging_transactions(clients, settings)
    unblock = partial(end_hanging_transactions, clients, settings, are_offsets_withheld=True)
    return _Offsets(CommittedOffsets(answered, partial(find_visible, clients, settings)), answered, unblock)


def _label_counter(meters: Meters, model: "Model", tokenizer: "Tokenizer", canary: Canary | None) -> LabelCounting:
    show_model(meters, model)
    if canary is None:
        return LabelCounter(meters, model, tokenizer.unknown_id)
    show_canary(meters, canary.model, canary.route.share)
    return TwoModelsCounter(
        LabelCounter(meters, model, tokenizer.unknown_id, "live"),
        LabelCounter(meters, canary.model, canary.tokenizer.unknown_id, "canary"),
        canary.route.is_canary,
    )


def _log_start(model: "Model", tokenizer: "Tokenizer", settings: Settings) -> None:
    log_hints(tokenizer)
    _log.info(
        "worker_started",
        extra={
            "model": model.info.name,
            "revision": model.info.revision,
            "device": str(model.device),
            "dtype": str(model.dtype),
            "delivery": settings.delivery,
        },
    )


def arm_watchdog(limit_ms: int) -> None:
    """A loop that does not turn for this long has lost its partitions: end the process, with a trace of what hangs."""
    faulthandler.dump_traceback_later(limit_ms / 1000, exit=True)
