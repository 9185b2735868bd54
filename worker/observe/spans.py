"""Spans of a loop, taken from outside of its stages: the only file that imports OpenTelemetry.

Names, kinds and attributes are those of OpenTelemetry's conventions for messaging. Of errors there is only their type:
what they say, and what records hold, is in no span.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from worker import loop
from worker.errors import UserError
from worker.flow import Batch, Outcome, Prediction, Record, Rejected, Request, TokenizedText, Tombstone, Window

_FLUSH_SECONDS = 5.0
_TRACEPARENT = "traceparent"
_TRACESTATE = "tracestate"
_SAMPLED_FLAGS = b"13579bdf"  # the last hex digit of a traceparent whose sender records its spans
_W3C = TraceContextTextMapPropagator()


class _Configurator(_OTelSDKConfigurator):
    """OpenTelemetry's own configuration by its variables, which it wants to be subclassed for use."""


def find_provider() -> TracerProvider:
    """The provider of this process: that of `opentelemetry-instrument`, or one made as the OTEL_… variables say.

    Raises:
        UserError: They ask for what is not there.
    """
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        os.environ.setdefault("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")  # the specification's default
        try:
            _Configurator().configure()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"OpenTelemetry refuses the OTEL_… variables: {error}",
                "correct them; the extra `otel` brings the exporters `otlp` (http/protobuf) and `console`",
            ) from error
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        raise UserError("OTEL_PYTHON_TRACER_PROVIDER names a provider other than OpenTelemetry's SDK", "unset it")
    return provider


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
        self._attributes = _operation("process", topic) | {"messaging.consumer.group.name": group_id}
        self._inner: loop.Stages
        self._window: Span | None = None
        self._senders: dict[int, Context] = {}
        self._created: list[Span] = []

    def __call__(self, stages: loop.Stages) -> loop.Stages:
        """The same stages, traced."""
        self._inner = stages
        return replace(
            stages,
            source=self,
            decode=self._decode,
            tokenize=self._tokenize,
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
        flush = threading.Thread(target=self._provider.shutdown, daemon=True)
        flush.start()
        flush.join(_FLUSH_SECONDS)

    def poll(self) -> Window:
        """The next window."""
        window = self._inner.source.poll()
        if window.records:
            self._senders = self._find_senders(window.records)
            self._window = self._tracer.start_span(
                self._name,
                Context(),
                SpanKind.CONSUMER,
                self._attributes | {"messaging.batch.message_count": len(window.records)},
                [_link(sender) for sender in self._senders.values()],
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

    def _decode(self, records: list[Record]) -> tuple[list[Request], list[Rejected | Tombstone]]:
        with self._stage("decode"):
            return self._inner.decode(records)

    def _tokenize(self, requests: list[Request]) -> list[TokenizedText]:
        with self._stage("tokenize"):
            return self._inner.tokenize(requests)

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
            _fail(span, error)
            raise
        finally:
            span.end()

    def _end(self, error: BaseException | None = None) -> None:
        if self._window is not None:
            if error is not None:
                _fail(self._window, error)
            self._window.end()
        self._window, self._senders, self._created = None, {}, []

    def _find_senders(self, records: list[Record]) -> dict[int, Context]:
        """The contexts of the first records whose trace is recorded, by index."""
        senders: dict[int, Context] = {}
        for index, record in enumerate(records):
            if len(senders) == self._most_links:
                break
            for name, value in record.headers:
                if name == _TRACEPARENT and value and value[54:55] in _SAMPLED_FLAGS:
                    context = _extract(record)
                    if trace.get_current_span(context).get_span_context().trace_flags.sampled:
                        senders[index] = context
                    break
        return senders

    def _carry_on(self, window: Span, outcomes: list[Outcome]) -> list[Outcome]:
        """The same outcomes, each with the context that its readers go on from."""
        if not window.get_span_context().is_valid:  # a provider that was told to make none
            return outcomes
        of_window = (_TRACEPARENT, _traceparent(window))
        link = Link(window.get_span_context())
        carried = []
        for outcome in outcomes:
            if (sender := self._senders.get(outcome.index)) is not None:
                traceparent = _traceparent(self._create(outcome, sender, link))
                headers = [(name, traceparent if name == _TRACEPARENT else value) for name, value in outcome.headers]
                carried.append(_with_headers(outcome, headers))
            elif any(name == _TRACEPARENT for name, _ in outcome.headers):
                carried.append(outcome)
            else:  # its 68 bytes have room in what the encoder leaves for framing
                carried.append(_with_headers(outcome, [*outcome.headers, of_window]))
        return carried

    def _create(self, outcome: Outcome, sender: Context, window: Link) -> Span:
        attributes = _operation("create", outcome.topic) | {
            "messaging.destination.partition.id": str(outcome.partition)
        }
        span = self._tracer.start_span(f"create {outcome.topic}", sender, SpanKind.PRODUCER, attributes, [window])
        self._created.append(span)
        return span


def _with_headers(outcome: Outcome, headers: list[tuple[str, bytes]]) -> Outcome:
    # By hand: dataclasses.replace takes several times as long.
    return Outcome(
        outcome.index, outcome.topic, outcome.partition, outcome.key, outcome.value, headers, outcome.timestamp_ms
    )


def _extract(record: Record) -> Context:
    carrier = {
        name: value.decode("latin-1") for name, value in record.headers if value and name in (_TRACEPARENT, _TRACESTATE)
    }
    return _W3C.extract(carrier, Context())


def _traceparent(span: Span) -> bytes:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier[_TRACEPARENT].encode()


def _link(context: Context) -> Link:
    return Link(trace.get_current_span(context).get_span_context())


def _operation(name: str, topic: str) -> dict[str, Any]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.name": name,
        "messaging.operation.type": name,
        "messaging.destination.name": topic,
    }


def _fail(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(Status(StatusCode.ERROR))
