"""The loop of the service, run once for `bench` and measured."""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from worker import loop
from worker.build import largest_message_bytes, make_sink, make_source, make_stages
from worker.flow import Batch, Prediction, Refusals, Request, TokenizedText, Window
from worker.kafka.clients import KafkaClients
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.source import Source
from worker.kafka.topics import Topic
from worker.settings import Settings

if TYPE_CHECKING:
    from worker.model.model import Model
    from worker.model.tokenizer import Tokenizer


class BenchRun:
    """The loop of the service in this process, as a group of its own that reads all there is."""

    def __init__(self, settings: Settings, topics: Mapping[str, Topic], model: "Model", tokenizer: "Tokenizer") -> None:
        self.seconds = self.cpu_seconds = 0.0
        self._parts = (topics, model, tokenizer)
        self._settings = settings.model_copy(update={"group_id": f"emotion-bench-{uuid.uuid4().hex[:8]}"})
        self._clients = KafkaClients(self._settings)

    def until(self, records: int, change: Callable[[loop.Stages], loop.Stages]) -> None:
        """Run until so many records were delivered."""
        settings, (topics, model, tokenizer) = self._settings, self._parts
        consumer, committed = self._clients.consumer(), CommittedOffsets()
        source = make_source(settings, consumer, settings.input_topics, threading.Event().wait, committed)
        smallest, refusals = largest_message_bytes(topics, settings), Refusals()
        with (
            closing(source),
            closing(make_sink(self._clients, settings, consumer, smallest, committed, refusals)) as sink,
        ):
            counted = _CountingSource(source)
            stages = change(make_stages(settings, topics, model, tokenizer, counted, sink, refusals))
            loop.run(stages, lambda: counted.delivered >= records, lambda: None)
        self.seconds = time.perf_counter() - counted.started
        self.cpu_seconds = time.process_time() - counted.cpu_started


class _CountingSource:
    """Counts what was delivered: to ask for the next window says that the last one was."""

    def __init__(self, source: Source) -> None:
        self.delivered = 0
        self.started = self.cpu_started = 0.0
        self._source = source
        self._open = 0

    def poll(self) -> Window:
        window = self._source.poll()
        if not self.started and window.records:
            self.started, self.cpu_started = time.perf_counter(), time.process_time()
        self._open = len(window.records)
        self.delivered += self._open
        return window

    def rewind(self) -> None:
        self.delivered -= self._open
        self._source.rewind()


class StageClock:
    """CPU seconds of the calling thread, by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time added up."""

        def run(*arguments: Any) -> Any:
            started = time.thread_time()
            try:
                return function(*arguments)
            finally:
                self.seconds[part] = self.seconds.get(part, 0.0) + time.thread_time() - started

        return run


def tokenize_nothing(requests: list[Request]) -> list[TokenizedText]:
    """Stands in for a tokenizer that costs nothing."""
    return [TokenizedText([request], [], truncated=False) for request in requests]


def predict_nothing(batches: Iterable[Batch], labels: int) -> list[Prediction]:
    """Stands in for a model that costs nothing: all `labels` are as likely."""
    scores = [round(1 / labels, 6)] * labels
    return [Prediction(item.requests[0], 0, False, scores) for batch in batches for row in batch for item in row]
