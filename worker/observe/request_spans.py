"""Spans of requests over HTTP, by the names of OpenTelemetry's conventions for HTTP, which are stable."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, Status, StatusCode

from worker.observe.span_provider import shut_down
from worker.observe.trace_context import context_in, mark_failed


class RequestSpans:
    """Traces requests: a span for each, in the trace that its sender has named. What they hold is in no span."""

    def __init__(self, provider: TracerProvider) -> None:
        """Get ready. `provider` is where spans go; it is shut down at the end."""
        self._provider = provider
        self._tracer = provider.get_tracer("emotion-worker")

    @contextmanager
    def __call__(self, method: str, path: str, headers: Mapping[str, str]) -> Iterator[Callable[[int], None]]:
        """The span of one request, while the block runs; it gives what is to be told the status."""
        attributes = {"http.request.method": method, "http.route": path, "url.path": path, "url.scheme": "http"}
        span = self._tracer.start_span(f"{method} {path}", context_in(headers), SpanKind.SERVER, attributes)

        def tell(status: int) -> None:
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_attribute("error.type", str(status))
                span.set_status(Status(StatusCode.ERROR))

        try:
            yield tell
        except BaseException as error:
            mark_failed(span, error)
            raise
        finally:
            span.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Send what is left."""
        shut_down(self._provider)
