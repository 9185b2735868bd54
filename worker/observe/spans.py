"""Spans of a loop, taken from outside of its stages.

Names, kinds and attributes are those of OpenTelemetry's conventions for messaging. Of errors there is only their type:
what they say, and what records hold, is in no span.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import Link, Span, SpanKind

from worker import loop
from worker.errors import RegistryAwayError
from worker.flow import Batch, Outcome, Prediction, Record, Rejected, Tombstone, Window
from worker.observe.span_provider import shut_down
from worker.observe.trace_context import (
    TRACEPARENT,
    context_of,
    link_to,
    mark_failed,
    messaging_attributes,
    traceparent_of,
    with_headers,
)

In = TypeVar("In")
Out = TypeVar("Out")

_SAMPLED_FLAGS = b"13579bdf"  # the last hex digit of a traceparent whose sender records its spans


class Spans:
    """Traces windows: a span for each, from its records to its commit, with a child for each stage.

    Records that came with the context of a trace that is recorded go on in that trace, by a span of their own: of a
    window as many as a span may have links (OTEL_SPAN_LINK_COUNT_LIMIT). The others keep the context they came with;
    records that came without one get that of their window.
    """

    def __init__(self, provider: TracerProvider, topic: str, group_id: str) -> None:
        """Get ready.

        Args:
            provider: Where spans go; shut down at the end.
            topic: The input topic.
            group_id: The consumer group.
        """
        self._provider = provider
        self._tracer = provider.get_tracer("emotion-worker")
        self._most_links = SpanLimits().max_links or 0
        self._name = f"process {topic}"
        self._topic = topic
        self._group = {"messaging.consumer.group.name": group_id}
        self._inner: loop.Stages
        self._find_cluster_id: Callable[[], str | None]
        self._window: Span | None = None
        self._senders: dict[int, Context] = {}
        self._created: list[Span] = []

    def __call__(self, stages: loop.Stages, find_cluster_id: Callable[[], str | None]) -> loop.Stages:
        """The same stages, traced; `find_cluster_id` is asked once records have come."""
        self._inner, self._find_cluster_id = stages, find_cluster_id
        return replace(
            stages,
            source=self,
            decode=self._traced("decode", stages.decode),
            tokenize=self._traced("tokenize", stages.tokenize),
            predict=self._predict,
            encode=self._encode,
            sink=self,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Send what is left, for a few seconds at most: nobody waits for a collector that is away."""
        self._end(error)
        shut_down(self._provider)

    def poll(self) -> Window:
        """The next window."""
        window = self._inner.source.poll()
        if window.records:
            self._senders = self._find_senders(window.records)
            self._window = self._tracer.start_span(
                self._name,
                Context(),
                SpanKind.CONSUMER,
                self._messaging("process", self._topic)
                | self._group
                | {"messaging.batch.message_count": len(window.records)},
                [link_to(sender) for sender in self._senders.values()],
            )
        return window

    def rewind(self) -> None:
        """Start again at the committed offsets."""
        self._inner.source.rewind()

    def settle(self) -> None:
        """End what a failed delivery may have left open."""
        self._inner.sink.settle()

    def deliver(self, window: Window, outcomes: list[Outcome]) -> None:
        """Send and commit; a window that was not delivered leaves no spans of its records."""
        try:
            with self._stage("deliver"):
                self._inner.sink.deliver(window, outcomes)
        except BaseException as error:
            self._end(error)
            raise
        for span in self._created:
            span.end()
        self._end()

    def _traced(self, stage: str, function: Callable[[In], Out]) -> Callable[[In], Out]:
        def traced(argument: In) -> Out:
            try:
                with self._stage(stage):
                    return function(argument)
            except RegistryAwayError as error:
                self._end(error)  # the window is read again
                raise

        return traced

    def _predict(self, batches: Iterable[Batch]) -> list[Prediction | Rejected]:
        with self._stage("predict"):
            return list(self._inner.predict(batches))

    def _encode(self, records: list[Record], answers: Iterable[Prediction | Rejected | Tombstone]) -> list[Outcome]:
        with self._stage("encode"):
            outcomes = self._inner.encode(records, answers)
            return self._carry_on(self._window, outcomes) if self._window else outcomes

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        if self._window is None:  # only positions that moved
            yield
            return
        span = self._tracer.start_span(name, trace.set_span_in_context(self._window, Context()))
        try:
            yield
        except BaseException as error:
            mark_failed(span, error)
            raise
        finally:
            span.end()

    def _end(self, error: BaseException | None = None) -> None:
        if self._window is not None:
            if error is not None:
                mark_failed(self._window, error)
            self._window.end()
        self._window, self._senders, self._created = None, {}, []

    def _find_senders(self, records: list[Record]) -> dict[int, Context]:
        """The contexts of the first records whose trace is recorded, by index."""
        senders: dict[int, Context] = {}
        for index, record in enumerate(records):
            if len(senders) == self._most_links:
                break
            for name, value in record.headers:
                if name == TRACEPARENT and value and value[54:55] in _SAMPLED_FLAGS:
                    context = context_of(record)
                    if trace.get_current_span(context).get_span_context().trace_flags.sampled:
                        senders[index] = context
                    break
        return senders

    def _carry_on(self, window: Span, outcomes: list[Outcome]) -> list[Outcome]:
        """The same outcomes, each with the context that its readers go on from."""
        if not window.get_span_context().is_valid:  # a provider that was told to make none
            return outcomes
        of_window = (TRACEPARENT, traceparent_of(window))
        link = Link(window.get_span_context())
        carried = []
        for outcome in outcomes:
            if (sender := self._senders.get(outcome.index)) is not None:
                traceparent = traceparent_of(self._create(outcome, sender, link))
                headers = [(name, traceparent if name == TRACEPARENT else value) for name, value in outcome.headers]
                carried.append(with_headers(outcome, headers))
            elif any(name == TRACEPARENT for name, _ in outcome.headers):
                carried.append(outcome)
            else:  # its 68 bytes have room in what the encoder leaves for framing
                carried.append(with_headers(outcome, [*outcome.headers, of_window]))
        return carried

    def _messaging(self, operation: str, topic: str) -> dict[str, Any]:
        return messaging_attributes(operation, topic, self._find_cluster_id())

    def _create(self, outcome: Outcome, sender: Context, window: Link) -> Span:
        attributes = self._messaging("create", outcome.topic) | {
            "messaging.destination.partition.id": str(outcome.partition)
        }
        span = self._tracer.start_span(f"create {outcome.topic}", sender, SpanKind.PRODUCER, attributes, [window])
        self._created.append(span)
        return span
