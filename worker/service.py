"""`emotion-worker run`: the service, from start to drain."""

import faulthandler
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from worker import loop
from worker.batcher import plan
from worker.broker import Broker
from worker.build import checked_topics, load_model, make_sink, now_ms
from worker.decode import decode, message_reader
from worker.encode import Encoder, Target
from worker.guard import RejectionGuard
from worker.pace import Pace
from worker.settings import Settings
from worker.source import Source

_log = logging.getLogger(__name__)

_COLLECT_AFTER = 50_000  # new objects; 700 otherwise


def run(settings: Settings) -> int:
    """Label until a signal says stop; returns the exit code.

    Raises:
        UserError: Something that `emotion-worker check` would have told.
    """
    with _signals() as stop:
        _serve(settings, stop)
    return 0


def _serve(settings: Settings, stop: threading.Event) -> None:
    broker = Broker(settings)
    limits = checked_topics(broker, settings)
    label_bytes, letter_bytes = limits[settings.output_topic], limits[settings.dead_letter_topic]
    model, tokenizer = load_model(settings)  # before the group is joined: loading may take longer than a session
    encoder = Encoder(
        model.info,
        Target(settings.output_topic, label_bytes),
        Target(settings.dead_letter_topic, letter_bytes),
        now_ms,
    )
    consumer = broker.consumer()
    pace = Pace(settings.target_window_ms / 1000, settings.window_max_records, time.monotonic)
    source = Source(consumer, settings.input_topic, pace, settings.start_offset, stop.wait)
    with closing(source), closing(make_sink(broker, settings, consumer, min(label_bytes, letter_bytes))) as sink:
        stages = loop.Stages(
            source=source,
            decode=partial(decode, message_reader(settings.input_format, settings.text_field)),
            tokenize=tokenizer.tokenize,
            plan=lambda tokenized: plan(tokenized, model.batch_tokens),
            predict=model.predict,
            encode=encoder.encode,
            guard=RejectionGuard(settings.dead_letter_topic, settings.max_rejected_percent),
            sink=sink,
        )
        started = {"device": str(model.device), "dtype": str(model.dtype), "delivery": settings.delivery}
        _log.info("worker_started", extra={"model": model.info.name, "revision": model.info.revision} | started)
        _spare_the_collector()
        loop.run(stages, stop.is_set, partial(_arm_watchdog, settings.max_poll_interval_ms))
    _log.info("worker_stopped")


def _spare_the_collector() -> None:
    """Let the garbage collector look at new objects only, and seldom.

    A window makes many objects and no cycles; what it looked through instead, again and again, was torch and
    transformers: a quarter of the time of everything that is not the model.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 100)


def _arm_watchdog(limit_ms: int) -> None:
    """A loop that does not turn for this long has lost its partitions: end the process, with a trace of what hangs."""
    faulthandler.dump_traceback_later(limit_ms / 1000, exit=True)


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = threading.Event()

    def handle(number: int, _: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
