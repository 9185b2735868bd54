"""The HTTP endpoint, over a socket."""

import http.client
import socket

import orjson
import pytest
from prometheus_client import CollectorRegistry, Counter

from tests.harness.ports import free_port
from worker.errors import UserError
from worker.observe.endpoint import endpoint
from worker.observe.health import Health, Heartbeat


def get(port: int, path: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read()


def test_health_is_told_by_status_and_by_what_is_missing() -> None:
    heartbeat, port = Heartbeat(), free_port()
    with endpoint(port, Health([heartbeat], lambda: False, lambda: 100.0), CollectorRegistry()):
        assert get(port, "/livez")[0] == 200
        status, content_type, body = get(port, "/readyz")
        assert (status, content_type) == (503, "application/json")
        assert orjson.loads(body) == {"ready": False, "missing": ["model: not loaded yet"]}
        heartbeat.loaded_at = heartbeat.heard_at = heartbeat.joined_at = heartbeat.advanced_at = 100
        status, _, body = get(port, "/readyz?verbose")
        assert (status, orjson.loads(body)) == (200, {"ready": True, "missing": []})
        heartbeat.due_at = 1
        assert get(port, "/livez")[0] == 503


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_probes_come_over_ipv6_as_well() -> None:
    port = free_port()
    with endpoint(port, Health([], lambda: False), CollectorRegistry()):
        for host in ("127.0.0.1", "::1"):
            connection = http.client.HTTPConnection(host, port, timeout=10)
            connection.request("GET", "/livez")
            assert connection.getresponse().status == 200
            connection.close()


def test_metrics_are_those_of_the_registry() -> None:
    registry, port = CollectorRegistry(), free_port()
    Counter("things_total", "Things.", registry=registry).inc(3)
    with endpoint(port, Health([], lambda: False), registry):
        status, content_type, body = get(port, "/metrics")
        assert get(port, "/")[0] == 404
    assert status == 200
    assert content_type.startswith("text/plain")
    assert b"things_total 3.0" in body


def test_the_page_is_there_only_if_it_is_asked_for() -> None:
    for with_page, status in [(False, 404), (True, 200)]:
        port = free_port()
        with endpoint(port, Health([], lambda: False), CollectorRegistry(), with_page):
            assert get(port, "/page")[0] == status
            assert get(port, "/metrics")[0] == 200
    with (
        pytest.raises(UserError, match="EMOTION_PAGE: EMOTION_HTTP_PORT is 0"),
        endpoint(0, Health([], lambda: False), CollectorRegistry(), with_page=True),
    ):
        pass


def test_a_port_in_use_names_the_setting() -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))  # noqa: S104
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(UserError, match=rf"EMOTION_HTTP_PORT: port {port} is in use"),
            endpoint(port, Health([], lambda: False), CollectorRegistry()),
        ):
            pass


def test_port_0_opens_none() -> None:
    with endpoint(0, Health([], lambda: False), CollectorRegistry()):
        pass
