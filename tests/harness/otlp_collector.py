"""An OpenTelemetry collector: takes spans by OTLP over HTTP, and keeps them."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class OtlpCollector:
    """Listens for as long as its `with` block."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                unpacked = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
                collector.headers.append(dict(self.headers))
                collector.bodies.append(unpacked)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

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

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


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
