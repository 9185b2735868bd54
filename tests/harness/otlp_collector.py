"""An OpenTelemetry collector: takes spans by OTLP over HTTP, and keeps them."""

import gzip
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.harness.http_server import HttpServer, PostHandler


class OtlpCollector(HttpServer):
    """Listens for as long as its `with` block."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(PostHandler):
            def answer(self, content: bytes) -> None:
                unpacked = gzip.decompress(content) if self.headers["Content-Encoding"] == "gzip" else content
                collector.headers.append(dict(self.headers))
                collector.bodies.append(unpacked)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        super().__init__(Handler)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make a worker send its spans here, and soon."""
        return {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_SERVICE_NAME": "emotions",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def resources(self) -> Iterator[tuple[dict[str, Any], list[Span]]]:
        """What was sent: the attributes of each sender, and its spans."""
        for body in list(self.bodies):
            for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
                yield attributes(sent.resource), [span for scope in sent.scope_spans for span in scope.spans]

    def spans(self, name: str | None = None) -> list[Span]:
        """All spans, or those of a name."""
        return [span for _, spans in self.resources() for span in spans if name in (None, span.name)]


def attributes(holder: Any) -> dict[str, Any]:
    """Of a span or a resource."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in holder.attributes}


def context(span: Span) -> tuple[str, str]:
    """Its trace and its own id, in hex."""
    return span.trace_id.hex(), span.span_id.hex()


def context_of(traceparent: bytes | None) -> tuple[str, str]:
    """The trace and the span that a record's header names."""
    _, trace_id, span_id, _ = (traceparent or b"").decode().split("-")
    return trace_id, span_id
