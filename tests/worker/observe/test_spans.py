"""Spans of windows that come and go, on stages that are made up; and when there are any."""

import sys
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from schemas.emotion_label import Source as Origin
from worker import loop
from worker.errors import NotDeliveredError, UserError
from worker.flow import Batch, Outcome, Partition, Prediction, Record, Rejected, Request, TokenizedText, Window
from worker.observe import span_provider
from worker.observe.spans import Spans
from worker.observe.tracing import tracing
from worker.settings import Settings

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01".encode(), f"00-{TRACE}-{SPAN}-00".encode()
Headers = list[tuple[str, bytes | None]]


class MadeUp:
    """Source, stages and sink in one; `fault` is for the test."""

    def __init__(self) -> None:
        self.windows: list[Window] = []
        self.sent: list[Outcome] = []
        self.fault: Exception | None = None

    def poll(self) -> Window:
        return self.windows.pop(0)

    def rewind(self) -> None:
        """There is nothing to go back to."""

    def settle(self) -> None:
        """Nothing is ever left open."""

    def decode(self, records: list[Record]) -> tuple[list[Request], list[Any]]:
        return [Request(index, str(index), "text", record.origin) for index, record in enumerate(records)], []

    def tokenize(self, requests: list[Request]) -> list[TokenizedText]:
        return [TokenizedText([request], [5], truncated=False) for request in requests]

    def predict(self, batches: Iterable[Batch]) -> list[Prediction | Rejected]:
        return [Prediction(text.requests[0], 1, False, [1.0]) for batch in batches for row in batch for text in row]

    def encode(self, records: list[Record], answers: Iterable[Any]) -> list[Outcome]:
        return [
            Outcome(each, "out", 0, None, b"v", [(n, v or b"") for n, v in records[each].headers], None)
            for each in (answer.request.index for answer in answers)
        ]

    def deliver(self, window: Window, outcomes: list[Outcome]) -> None:
        if self.fault:
            raise self.fault
        assert len(outcomes) == len(window.records)
        self.sent += outcomes


@pytest.fixture
def parts() -> MadeUp:
    return MadeUp()


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def stages(parts: MadeUp, exported: InMemorySpanExporter) -> loop.Stages:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    return Spans(provider, "in", "group")(inner(parts), lambda: "abc")


def inner(parts: MadeUp) -> loop.Stages:
    return loop.Stages(
        source=parts,
        decode=parts.decode,
        tokenize=parts.tokenize,
        plan=lambda texts: [[texts]] if texts else [],
        predict=parts.predict,
        encode=parts.encode,
        circuit_breaker=lambda _: None,
        sink=parts,
    )


def run(stages: loop.Stages, parts: MadeUp, *headers: Headers) -> None:
    """One window through the loop, a record for each list of headers."""
    records = [Record(Origin("in", 0, offset, None), None, b"v", each) for offset, each in enumerate(headers)]
    parts.windows = [Window(records, {Partition("in", 0): len(records)}, None)]
    loop.run(stages, lambda: not parts.windows, lambda: None)


def named(exported: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exported.get_finished_spans() if span.name == name]


def test_a_window_without_records_has_no_span(
    stages: loop.Stages, parts: MadeUp, exported: InMemorySpanExporter
) -> None:
    run(stages, parts)
    assert exported.get_finished_spans() == ()


def test_no_more_records_have_spans_of_their_own_than_a_span_may_have_links(
    parts: MadeUp, exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "3")
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    sampled: Headers = [("traceparent", SAMPLED)]
    run(Spans(provider, "in", "group")(inner(parts), lambda: "abc"), parts, *[sampled] * 5)
    (window,) = named(exported, "process in")
    assert len(window.links) == len(named(exported, "create out")) == 3
    assert [dict(outcome.headers)["traceparent"] == SAMPLED for outcome in parts.sent] == [False] * 3 + [True] * 2


def test_a_window_that_was_not_delivered_is_an_error_and_leaves_no_spans_of_its_records(
    stages: loop.Stages, parts: MadeUp, exported: InMemorySpanExporter
) -> None:
    parts.fault = NotDeliveredError("of swordfish")
    run(stages, parts, [("traceparent", SAMPLED)])
    assert named(exported, "create out") == []
    for name in ("deliver", "process in"):
        (span,) = named(exported, name)
        assert not span.status.is_ok
        assert span.attributes is not None
        assert span.attributes["error.type"] == "NotDeliveredError"
    assert "swordfish" not in "".join(span.to_json() for span in exported.get_finished_spans())
    parts.fault = None
    exported.clear()
    run(stages, parts, [("traceparent", SAMPLED)])
    assert len(named(exported, "create out")) == 1
    assert all(span.status.is_ok or span.status.is_unset for span in exported.get_finished_spans())


@pytest.mark.parametrize(
    "headers",
    [
        [("traceparent", None)],
        [("traceparent", b"")],
        [("traceparent", b"\xff" * 55)],
        [("traceparent", SAMPLED[:-1] + b"g")],
        [("traceparent", SAMPLED + b"-more")],
        [("traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01")],
        [("traceparent", UNSAMPLED)],
    ],
)
def test_what_is_no_context_of_a_recorded_trace_goes_on_as_it_came(
    headers: Headers, stages: loop.Stages, parts: MadeUp, exported: InMemorySpanExporter
) -> None:
    run(stages, parts, headers)
    assert parts.sent[0].headers == [(name, value or b"") for name, value in headers]
    assert len(named(exported, "process in")) == 1
    assert named(exported, "create out") == []


def test_an_odd_tracestate_costs_nothing_and_goes_on_as_it_came(
    stages: loop.Stages, parts: MadeUp, exported: InMemorySpanExporter
) -> None:
    odd = [b"\xff\xfe", b"=,=,", b"a=1,a=2", b",".join(b"k%d=v" % each for each in range(99)), b"x" * 100_000, None]
    run(stages, parts, *[[("tracestate", each), ("traceparent", SAMPLED)] for each in odd])
    assert [dict(outcome.headers)["tracestate"] for outcome in parts.sent] == [each or b"" for each in odd]
    assert len(named(exported, "create out")) == len(odd)


def test_an_exporter_that_hangs_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch, parts: MadeUp) -> None:
    monkeypatch.setattr(span_provider, "_FLUSH_SECONDS", 0.1)
    never = threading.Event()

    class Hanging(InMemorySpanExporter):
        def export(self, *_: object) -> Any:
            never.wait()

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Hanging()))
    with Spans(provider, "in", "group") as traced:
        run(traced(inner(parts), lambda: None), parts, [])
    assert len(parts.sent) == 1
    never.set()


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        monkeypatch.setenv(name, "")  # put back afterwards, whatever sets it
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_without_being_asked_for_traces_the_stages_are_left_as_they_are(
    variables: dict[str, str], clean: pytest.MonkeyPatch, parts: MadeUp
) -> None:
    for name, value in variables.items():
        clean.setenv(name, value)
    stages = inner(parts)
    with tracing(Settings()) as traced:
        assert traced(stages, lambda: None) is stages


def test_asked_for_traces_without_the_extra_it_names_the_extra(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("OTEL_TRACES_EXPORTER", "otlp")
    for name in ("span_provider", "spans", "trace_context"):
        clean.delitem(sys.modules, f"worker.observe.{name}", raising=False)
    clean.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(UserError, match=r"OTEL_TRACES_EXPORTER=otlp .* pip install 'emotion-labeller\[otel\]'"):
        tracing(Settings())


@pytest.mark.parametrize(
    ("variables", "what"),
    [
        ({"OTEL_TRACES_EXPORTER": "pigeon"}, "pigeon"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "otlp_proto_grpc"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke"}, "smoke"),
    ],
)
def test_an_exporter_that_is_not_there_is_refused_by_its_name(
    variables: dict[str, str], what: str, clean: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        clean.setenv(name, value)
    with pytest.raises(UserError, match=f"refuses the OTEL_… variables: .*{what}.*the extra `otel` brings"):
        tracing(Settings())
