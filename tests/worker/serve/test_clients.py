"""What clients send that are right by HTTP, and not as plain as the others."""

import socket

import pytest

from tests.worker.serve.conftest import Served

OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"


def talk(served: Served, *parts: bytes) -> bytes:
    """Send these; gives all that comes until the server hangs up."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        for part in parts:
            client.sendall(part)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def post(body: bytes, *headers: bytes) -> bytes:
    return b"POST /label HTTP/1.1\r\nHost: here\r\n%bContent-Length: %d\r\n\r\n%b" % (
        b"".join(headers),
        len(body),
        body,
    )


@pytest.mark.parametrize("cut", [None, 20, 60, -13, -2])
def test_an_offer_of_another_protocol_is_passed_over_and_the_body_is_read(cut: int | None, served: Served) -> None:
    """Java's HttpClient offers HTTP/2 with each first request."""
    sent = post(b'["a", "b"]', OFFER)
    parts = [sent] if cut is None else [sent[:cut], sent[cut:]]
    answer = talk(served, *parts, post(b'"c"', b"Connection: close\r\n"))
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert answer.count(b'"schema_version":1') == 3


def test_an_offer_with_chunks_and_one_without_a_body_are_passed_over_too(served: Served) -> None:
    chunked = b"POST /label HTTP/1.1\r\nHost: here\r\n%bTransfer-Encoding: chunked\r\n\r\n" % OFFER
    probe = b"GET /livez HTTP/1.1\r\nHost: here\r\n%b\r\n" % OFFER
    last = post(b'"c"', b"Connection: close\r\n")
    answer = talk(served, chunked + b'3\r\n"a"\r\n0\r\n\r\n' + probe + last)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert answer.count(b'"schema_version":1') == 2


def test_a_tunnel_is_refused_in_words(served: Served) -> None:
    answer = talk(served, b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"error_type":"Validation"' in answer


@pytest.mark.parametrize("path", ["/label", "/predict", "/"])
def test_a_compressed_body_is_refused_in_words(path: str, served: Served) -> None:
    answer = served.ask(path, b"\x1f\x8b\x08", **{"Content-Encoding": "gzip"})
    assert answer.status == 415
    assert answer.json == {
        "error": "Content-Encoding: gzip is not taken: send the body as it is",
        "error_type": "Validation",
    }
    assert served.ask("/label", "a", **{"Content-Encoding": "identity"}).status == 200


def test_a_slash_too_many_is_told_and_not_sent_elsewhere(served: Served) -> None:
    """A redirect would have the scheme that a proxy speaks to us, not the client's own."""
    answer = served.ask("/label/", "a")
    assert answer.status == 404
    assert "POST /label" in answer.json["error"]
