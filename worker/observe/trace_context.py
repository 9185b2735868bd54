"""Trace contexts in the headers of records (W3C trace context), and what every span says."""

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from worker.flow import Outcome, Record

TRACEPARENT = "traceparent"
_TRACESTATE = "tracestate"
_W3C = TraceContextTextMapPropagator()


def with_headers(outcome: Outcome, headers: list[tuple[str, bytes]]) -> Outcome:
    """The same outcome with other headers."""
    # By hand: dataclasses.replace takes several times as long.
    return Outcome(
        outcome.index, outcome.topic, outcome.partition, outcome.key, outcome.value, headers, outcome.timestamp_ms
    )


def context_of(record: Record) -> Context:
    """The context that a record came with."""
    return context_in(
        {
            name: value.decode("latin-1")
            for name, value in record.headers
            if value and name in (TRACEPARENT, _TRACESTATE)
        }
    )


def context_in(headers: Mapping[str, str]) -> Context:
    """The context that headers name; an empty one where they name none."""
    carrier = {name: headers[name] for name in (TRACEPARENT, _TRACESTATE) if name in headers}
    return _W3C.extract(carrier, Context())


def traceparent_of(span: Span) -> bytes:
    """The header by which readers go on from a span."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, trace.set_span_in_context(span, Context()))
    return carrier[TRACEPARENT].encode()


def link_to(context: Context) -> Link:
    """A link to the sender's span."""
    return Link(trace.get_current_span(context).get_span_context())


def messaging_attributes(name: str, topic: str, cluster_id: str | None) -> dict[str, Any]:
    """Attributes of OpenTelemetry's conventions for messaging.

    None of them is stable yet. Those that version 1.45 of the conventions renamed stand under both names.
    """
    cluster = {} if cluster_id is None else {"messaging.kafka.cluster.id": cluster_id, "kafka.cluster.id": cluster_id}
    return cluster | {
        "messaging.system": "kafka",
        "messaging.system.name": "kafka",
        "messaging.operation.name": name,
        "messaging.operation.type": name,
        "messaging.destination.name": topic,
    }


def mark_failed(span: Span, error: BaseException) -> None:
    """Mark a span as failed; of the error there is only its type."""
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(Status(StatusCode.ERROR))
