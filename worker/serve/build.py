"""Builds the parts of `serve` from the settings, and runs them."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from schemas.dead_letter import Reason
from worker.flow import Rejected, Skipped
from worker.labelling import load_model, log_hints, now_ms, planner, warm_up
from worker.messages.decode import message_reader
from worker.messages.encode import LabelMaker
from worker.model.score_cache import ScoreCache
from worker.observe.figures import Figures
from worker.observe.health import Health, Heartbeat
from worker.observe.label_counter import LabelCounter, show_model
from worker.observe.metrics import Meters, Registry
from worker.observe.request_metrics import ALSO_SERVED, CONNECTIONS, QUEUED_TEXTS, REFUSED_CONNECTIONS
from worker.observe.runtime_metrics import LIVE, READY
from worker.observe.stream_metrics import DEAD_LETTERS, SKIPPED
from worker.observe.tracing import TracedRequest, not_traced, request_tracing
from worker.page.page import Page
from worker.process.memory import set_aside
from worker.process.signals import stop_on_signals
from worker.serve.app import Served, make_app
from worker.serve.batching import BatchingQueue
from worker.serve.label_route import LabelRoute, Unlabelled
from worker.serve.predict_route import PredictRoute
from worker.serve.protocol import Limits
from worker.serve.server import check_open_files, open_socket, run, written
from worker.serve.stages import ServeStages
from worker.serve.token import Token
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer

_log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Answer until a signal says stop; while it starts there is nothing to finish, and signals stay as they are.

    Raises:
        UserError: The address, the token or the model is not to be had.
    """
    stop = threading.Event()
    with request_tracing() as traced:
        run_until_stopped = make_server(settings, stop, traced)
        with stop_on_signals(stop):
            run_until_stopped()
    _log.info("serve_stopped")


def make_server(settings: Settings, stop: threading.Event, traced: TracedRequest = not_traced) -> Callable[[], None]:
    """Load everything; gives what answers until `stop` is set.

    Raises:
        UserError: The address, the token or the model is not to be had.
    """
    token = Token(settings.serve_token_file)
    check_open_files(settings.serve_max_connections)
    opened = open_socket(settings.serve_host, settings.serve_port)
    model, tokenizer = load_model(settings)
    warm_up(model, settings)
    registry, heartbeat = Registry(), Heartbeat()
    health = Health([heartbeat], stop.is_set, reads_kafka=False)
    meters = Meters("serve", registry, ALSO_SERVED)
    meters[READY].set_function(lambda: float(not health.not_ready()))
    meters[LIVE].set_function(lambda: float(not health.not_live()))
    stages = _make_stages(settings, model, tokenizer, meters, heartbeat)
    queue = BatchingQueue(
        stages.answers, settings.serve_max_queued_texts, meters[QUEUED_TEXTS].set, model.thread_starter()
    )
    served = Served(
        label=_make_label_route(settings, model, queue, meters),
        predict=PredictRoute(queue, model.info, settings.serve_max_texts),
        token=token,
        health=health,
        registry=registry,
        meters=meters,
        page=Page(Figures(registry).since, stop.is_set) if settings.page else None,
        traced=traced,
    )
    heartbeat.loaded_at = time.monotonic()
    set_aside()
    _log_start(settings, model, tokenizer)
    limits = Limits(
        settings.serve_timeout_ms,
        settings.serve_max_connections,
        meters[CONNECTIONS].set,
        meters[REFUSED_CONNECTIONS].inc,
    )
    return partial(run, make_app(settings, served), queue, opened, stop, limits)


def _make_stages(
    settings: Settings, model: "Model", tokenizer: "Tokenizer", meters: Meters, heartbeat: Heartbeat
) -> ServeStages:
    show_model(meters, model)
    labels = LabelCounter(meters, model, tokenizer.unknown_id)
    raw = model.raw()
    stages = ServeStages(
        tokenizer.tokenize, planner(model), model.predict, planner(raw), raw.predict, meters, labels, heartbeat
    )
    if settings.cache_texts:
        cache = ScoreCache(stages.predict, stages.plan, settings.cache_texts)
        stages = replace(stages, plan=cache.plan, predict=cache.predict)
    return stages


def _make_label_route(settings: Settings, model: "Model", queue: BatchingQueue, meters: Meters) -> LabelRoute:
    for reason in Reason:
        meters[DEAD_LETTERS].labels(reason.value)  # each starts at zero
    return LabelRoute(
        queue,
        read=message_reader("json", replace(settings.fields, bare_texts=True), settings.max_message_bytes),
        make_label=LabelMaker(model.info, now_ms),
        max_texts=settings.serve_max_texts,
        skip_without_text=settings.without_text == "skip",
        on_unlabelled=partial(_count, meters),
    )


def _count(meters: Meters, answer: Unlabelled) -> None:
    if isinstance(answer, Rejected):
        meters[DEAD_LETTERS].labels(answer.reason.value).inc()
    elif isinstance(answer, Skipped):
        meters[SKIPPED].labels(answer.reason.value).inc()


def _log_start(settings: Settings, model: "Model", tokenizer: "Tokenizer") -> None:
    log_hints(tokenizer)
    _log.info(
        "serve_started",
        extra={
            "address": written(settings.serve_host, settings.serve_port),
            "needs_token": settings.serve_token_file is not None,
            "model": model.info.name,
            "revision": model.info.revision,
            "device": str(model.device),
            "dtype": str(model.dtype),
        },
    )
