"""Clients that send too much, too slowly, half, or nonsense."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.harness.eventually import eventually
from tests.worker.serve.conftest import Served, serving

PATIENCE_MS = 700
HEAD = b"POST /label HTTP/1.1\r\nHost: here\r\n"
PROBE = b"GET /livez HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def strict(tiny_model: Path) -> Iterator[Served]:
    """A server with little patience and little room."""
    with serving(tiny_model, serve_timeout_ms=PATIENCE_MS, serve_max_body_bytes=1_000, serve_max_texts=3) as served:
        yield served


def talk(served: Served, *parts: bytes) -> bytes:
    """Send these; gives all that comes until the server hangs up."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        for part in parts:
            client.sendall(part)
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    found = b""
    try:
        while chunk := client.recv(65_536):
            found += chunk
    except ConnectionResetError:
        pass
    return found


def words(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def still_well(served: Served) -> bool:
    return served.ask("/label", "a").status == 200


def test_a_body_that_is_too_large_is_refused_before_it_is_read(strict: Served) -> None:
    answer = talk(strict, HEAD + b"Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer
    assert b"more than 1000 bytes (EMOTION_SERVE_MAX_BODY_BYTES)" in answer


def test_a_large_body_whose_client_reads_when_it_has_sent_all_gets_its_words(strict: Served) -> None:
    answer = strict.ask("/label", b'"' + b"a" * 3_000_000 + b'"')
    assert answer.status == 413
    assert answer.json["error_type"] == "Validation"


def test_chunks_that_become_too_many_are_refused(strict: Served) -> None:
    chunk = b"258\r\n" + b"a" * 600 + b"\r\n"
    answer = talk(strict, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk, chunk)
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_without_an_end_is_cut_off(strict: Served) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", strict.port), timeout=30) as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with suppress(OSError):  # a reset or a broken pipe, as it comes
            while time.monotonic() < started + 30:
                client.sendall(b"ffff\r\n" + b"a" * 0xFFFF + b"\r\n")
    assert time.monotonic() - started < 30
    assert still_well(strict)


def test_chunks_make_a_body_like_any_other(strict: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", strict.port, timeout=30)
    connection.request("POST", "/label", iter([b'["a', b'b",', b' "c"]']), encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()


def test_too_many_texts_are_refused(strict: Served) -> None:
    answer = strict.ask("/label", ["a"] * 4)
    assert answer.status == 413
    assert answer.json["error"] == "4 texts, more than 3 (EMOTION_SERVE_MAX_TEXTS): send fewer at once"


@pytest.mark.parametrize(
    "sent",
    [
        HEAD,
        HEAD[:3],
        HEAD + b"Content-Length: 10\r\n\r\n",
        HEAD + b'Content-Length: 10\r\n\r\n["a"',
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n",
    ],
    ids=["half a head", "three bytes", "no body", "half a body", "half a chunk"],
)
def test_a_request_that_does_not_come_in_time_is_told_so(sent: bytes, strict: Served) -> None:
    answer = talk(strict, sent)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not come within 700 ms (EMOTION_SERVE_TIMEOUT_MS)" in words(answer)
    assert b'"error_type":"Timeout"' in words(answer)


def test_a_head_that_comes_drop_by_drop_has_no_more_time(strict: Served) -> None:
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", strict.port), timeout=0.05) as client:
        client.sendall(HEAD)
        answer = b""
        while not answer and time.monotonic() < started + 30:
            client.sendall(b"a: b\r\n")
            try:
                answer = client.recv(65_536)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_who_connects_and_says_nothing_is_let_go(strict: Served) -> None:
    assert talk(strict) == b""


def test_a_head_without_an_end_is_refused(strict: Served) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=30) as client:
        with suppress(OSError):
            client.sendall(HEAD + b"".join(b"a%d: %s\r\n" % (number, b"b" * 1000) for number in range(100)))
        assert read_all(client).startswith(b"HTTP/1.1 431 ")


def test_what_is_no_http_is_refused_in_words(strict: Served) -> None:
    answer = talk(strict, b"\x16\x03\x01 hello\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert words(answer) == b'{"error":"Invalid HTTP request received.","error_type":"Validation"}'


def test_who_does_not_read_is_let_go(tiny_model: Path) -> None:
    """Else its answer would stay in memory, and the server would never end: it ends here while the client is there."""
    body = b"[%b]" % b",".join([b'{"id": "%b", "text": "a"}' % (b"i" * 7_000)] * 256)
    request = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        with serving(tiny_model, serve_timeout_ms=PATIENCE_MS) as served:
            client.connect(("127.0.0.1", served.port))
            client.settimeout(20)
            with suppress(OSError):
                for _ in range(8):  # as the system's own buffers hold megabytes
                    client.sendall(request)
            assert still_well(served)
        assert read_all(client).count(b'"schema_version":1') < 8 * 256  # else those buffers held it all


def test_who_hangs_up_harms_nobody(strict: Served) -> None:
    for sent in (b"", HEAD, HEAD + b"Content-Length: 10\r\n\r\n[", HEAD + b'Content-Length: 3\r\n\r\n"a"'):
        with socket.create_connection(("127.0.0.1", strict.port), timeout=30) as client:
            client.sendall(sent)
    assert still_well(strict)


def test_one_connection_takes_one_request_after_the_other(strict: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", strict.port, timeout=30)
    statuses = []
    for body in (b'"a"', b"{", b'{"text": ""}', b'["a"] ' * 300, b'["a", "a", "a", "a"]', b'"b"'):
        connection.request("POST", "/label", body)
        answer = connection.getresponse()
        statuses.append(answer.status)
        answer.read()
    assert statuses == [200, 400, 422, 413, 413, 200]
    connection.close()


def test_a_connection_may_idle_longer_than_a_request_may_take(strict: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", strict.port, timeout=30)
    connection.request("POST", "/label", b'"a"')
    connection.getresponse().read()
    same = connection.sock
    assert talk(strict, HEAD).startswith(b"HTTP/1.1 408 ")  # which takes as long as a request may
    connection.request("POST", "/label", b'"a"')
    assert connection.getresponse().status == 200
    assert connection.sock is same
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/label", 405), ("POST", "/metrics", 405), ("GET", "/no", 404)]
)
def test_a_path_that_there_is_not_names_those_that_there_are(
    method: str, path: str, status: int, strict: Served
) -> None:
    answer = strict.ask(path, method=method)
    assert answer.status == status
    assert "POST /label" in answer.json["error"]


def test_there_is_room_for_so_many_connections_and_the_next_is_told(tiny_model: Path) -> None:
    with serving(tiny_model, serve_max_connections=3) as served, ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(("127.0.0.1", served.port), 30)) for _ in range(2)]
        eventually(lambda: served.metric("emotion_http_connections") == 3, 30, "two who idle, and who asks for it")
        third = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=30))
        third.sendall(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n")
        assert third.recv(65_536).startswith(b"HTTP/1.1 200 ")

        refused = talk(served)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in refused
        assert b"3 connections are open (EMOTION_SERVE_MAX_CONNECTIONS)" in words(refused)
        assert b'"error_type":"Overloaded"' in words(refused)

        held[0].close()
        eventually(lambda: talk(served, PROBE).startswith(b"HTTP/1.1 200 "), 30, "room for another")
        assert served.metric("emotion_http_refused_connections_total") >= 1
