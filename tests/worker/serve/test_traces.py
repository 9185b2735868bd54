"""Spans of requests, kept in memory; and those that a process prints."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.harness.eventually import eventually
from tests.harness.ports import free_port
from tests.harness.worker_process import WorkerProcess
from tests.worker.serve.conftest import Served, serving
from worker.errors import UserError
from worker.observe.request_spans import RequestSpans
from worker.observe.tracing import request_tracing

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(tiny_model: Path, exporter: InMemorySpanExporter) -> Iterator[Served]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with serving(tiny_model, traced=RequestSpans(provider)) as served:
        yield served


def test_a_request_is_a_span_of_the_trace_that_its_sender_named(traced: Served, exporter: InMemorySpanExporter) -> None:
    for path, body in (("/label", "overheard"), ("/predict", {"inputs": "overheard"}), ("/label", b"{")):
        traced.ask(path, body, traceparent=f"00-{TRACE}-{SPAN}-01")
    traced.ask("/label", "overheard")

    *followed, own = exporter.get_finished_spans()
    assert [(span.name, (span.attributes or {})["http.response.status_code"]) for span in followed] == [
        ("POST /label", 200),
        ("POST /predict", 200),
        ("POST /label", 400),
    ]
    for span in followed:
        assert span.kind is SpanKind.SERVER
        assert span.parent is not None
        assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, SPAN)
        assert span.status.status_code is StatusCode.UNSET  # the fault is the client's
    assert own.parent is None
    assert "overheard" not in "".join(span.to_json() for span in exporter.get_finished_spans())


def test_an_odd_context_and_a_trace_that_is_not_recorded(traced: Served, exporter: InMemorySpanExporter) -> None:
    for odd in ("", "00-x", f"00-{TRACE}-{SPAN}-00"):
        assert traced.ask("/label", "a", traceparent=odd).status == 200
    assert [span.parent for span in exporter.get_finished_spans()] == [None, None]


def test_probes_are_not_traced(traced: Served, exporter: InMemorySpanExporter) -> None:
    assert [traced.ask(path).status for path in ("/livez", "/readyz", "/metrics")] == [200] * 3
    assert exporter.get_finished_spans() == ()


def test_a_server_that_fails_is_an_error_and_only_its_type_is_told(exporter: InMemorySpanExporter) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traced = RequestSpans(provider)
    with traced("POST", "/label", {}) as tell_status:
        tell_status(503)
    with pytest.raises(RuntimeError), traced("POST", "/label", {}):
        raise RuntimeError("overheard")
    spans = exporter.get_finished_spans()
    assert [span.status.status_code for span in spans] == [StatusCode.ERROR] * 2
    assert [(span.attributes or {})["error.type"] for span in spans] == ["503", "RuntimeError"]
    assert "overheard" not in "".join(span.to_json() for span in spans)


def test_without_being_asked_for_traces_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    with request_tracing() as traced, traced("POST", "/label", {}) as tell_status:
        tell_status(200)


def test_an_exporter_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "pigeon")
    with pytest.raises(UserError, match=r"refuses the OTEL_… variables: .*pigeon"):
        request_tracing()


def test_a_process_that_is_asked_for_them_prints_its_spans(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    port = free_port()
    worker = WorkerProcess(tmp_path, model=tiny_model, dtype="float32", batch_tokens=512, serve_port=port)
    with worker.start("serve"):
        worker.wait_for("serve_started")
        eventually(lambda: _answers(Served(port)), 30, "a label")
        worker.process.terminate()
        assert worker.wait_for_exit() == 0
    assert '"name": "POST /label"' in capfd.readouterr().out


def _answers(served: Served) -> bool:
    try:
        return served.ask("/label", "a").status == 200
    except OSError:
        return False
