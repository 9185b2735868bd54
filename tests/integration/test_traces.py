"""Traces through a worker on real Apache Kafka, to a collector that speaks OTLP."""

import socket
from collections.abc import Callable

import orjson
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, cluster_id
from tests.harness.otlp_collector import OtlpCollector, attributes, context, context_of
from tests.integration.conftest import Stream, message

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01".encode(), f"00-{TRACE}-{SPAN}-00".encode()
STAGES = {"decode", "tokenize", "predict", "encode", "deliver"}


def carrying(identity: str, partition: int, *headers: tuple[str, bytes]) -> NewRecord:
    value = orjson.dumps({"id": identity, "text": f"text {identity}"})
    return NewRecord(value, identity.encode(), headers, partition)


def _traced_records(collector: OtlpCollector, stream: Stream) -> int:
    """A process may have read both partitions before the other one came: then there is one window."""
    windows = collector.spans(f"process {stream.input}")
    return sum(attributes(span)["messaging.batch.message_count"] for span in windows)


def _both_processes_traced(collector: OtlpCollector, stream: Stream) -> bool:
    stream.produce([carrying("more", partition) for partition in (0, 1)])
    return len({resource["service.instance.id"] for resource, _ in collector.resources()}) == 2


def test_a_trace_comes_with_a_record_and_goes_on_with_its_label(
    make_stream: Callable[..., Stream], collector: OtlpCollector
) -> None:
    stream = make_stream()
    traced = [("tracestate", b"a=1"), ("traceparent", SAMPLED), ("mine", b"1")]
    stream.produce(
        [
            carrying("recorded", 0, *traced),
            carrying("not-recorded", 0, ("traceparent", UNSAMPLED)),
            carrying("none", 1, ("mine", b"1")),
            NewRecord(b"broken", b"broken", tuple(traced), 1),
        ]
    )
    worker = stream.worker(processes=2)
    worker.environment |= collector.environment
    with worker:
        labels = {record.key: dict(record.headers) for record in stream.labels(3)}
        (letter,) = stream.letters(1)
        eventually(lambda: _traced_records(collector, stream) == 4, 60, "all windows were exported")
        eventually(lambda: _both_processes_traced(collector, stream), 60, "both processes exported", interval_s=0.5)
        assert worker.terminate() == 0

    cluster = cluster_id(stream.servers)
    windows = {span.span_id: span for span in collector.spans(f"process {stream.input}")}
    for window in windows.values():
        assert window.kind == Span.SPAN_KIND_CONSUMER
        assert (
            attributes(window).items()
            >= {
                "messaging.system": "kafka",
                "messaging.system.name": "kafka",
                "messaging.kafka.cluster.id": cluster,
                "kafka.cluster.id": cluster,
                "messaging.operation.name": "process",
                "messaging.operation.type": "process",
                "messaging.destination.name": stream.input,
                "messaging.consumer.group.name": stream.group,
            }.items()
        )
        assert {span.name for span in collector.spans() if span.parent_span_id == window.span_id} == STAGES
    senders = [(link.trace_id.hex(), link.span_id.hex()) for window in windows.values() for link in window.links]
    assert senders == [(TRACE, SPAN)] * 2

    for topic, headers in ((stream.output, labels[b"recorded"]), (stream.dead_letters, dict(letter.headers))):
        (created,) = collector.spans(f"create {topic}")
        assert (created.trace_id.hex(), created.parent_span_id.hex()) == (TRACE, SPAN)
        assert created.kind == Span.SPAN_KIND_PRODUCER
        assert attributes(created)["kafka.cluster.id"] == cluster
        assert [link.span_id in windows for link in created.links] == [True]
        assert context_of(headers["traceparent"]) == context(created)
        assert (headers["tracestate"], headers["mine"]) == (b"a=1", b"1")
    assert labels[b"not-recorded"] == {"traceparent": UNSAMPLED}
    assert labels[b"none"]["mine"] == b"1"
    assert context_of(labels[b"none"]["traceparent"]) in [context(window) for window in windows.values()]

    assert {resource["service.name"] for resource, _ in collector.resources()} == {"emotions"}


def test_with_its_collector_away_or_silent_a_worker_goes_on(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    stream.produce([message(str(index), f"text {index}") for index in range(50)])
    worker = stream.worker()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        worker.environment |= {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "10",
        }
        with worker:
            stream.labels(50)
            silent.close()
            stream.produce([message(str(index), f"text {index}") for index in range(50, 100)])
            stream.labels(100)
            assert worker.terminate() == 0


def test_check_refuses_an_exporter_that_is_not_there(make_stream: Callable[..., Stream]) -> None:
    worker = make_stream().worker()
    worker.environment["OTEL_TRACES_EXPORTER"] = "pigeon"
    code, report = worker.check()
    assert code == 1
    assert "PROBLEM  traces    OpenTelemetry refuses the OTEL_… variables: " in report
