"""What a browser is sent, and what a slow, a silent or a vanished one costs."""

import socket
import time
import urllib.request
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.harness.eventually import eventually
from tests.worker.page.conftest import ask, events_of, opened_stream
from worker.commands.conversation import Answer, SentText
from worker.commands.demo_page import Address, demo_page
from worker.page.board import MAX_TEXTS, Board
from worker.page.document import page_document, page_headers
from worker.page.http_server import Handler
from worker.page.page import MAX_BROWSERS, Page

JOY = Answer("joy", None, 0.9, True)


def test_a_browser_that_does_not_read_keeps_the_newest_texts_and_is_told_how_many_it_missed() -> None:
    board = Board()
    with board.feed() as slow, board.feed() as quick:
        for number in range(1000):
            board.put(f"text {number}", {})
            assert len(quick.take()[0]) == 1
        texts, dropped = slow.take()
        assert (len(texts), dropped) == (MAX_TEXTS, 1000 - MAX_TEXTS)
        assert b'"text 999"' in texts[-1]
        assert slow.take() == quick.take() == ([], 0)
    board.put("later", {})
    assert slow.take() == ([], 0)  # nobody looks on there any more


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_the_demo_has_its_page_at_an_ipv6_address_too() -> None:
    with demo_page(Address("::1", 0)) as (_, url):
        assert url.startswith("http://[::1]:")
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - of this machine
            assert answer.status == 200


def test_a_huge_text_is_kept_in_its_beginning_only() -> None:
    board = Board()
    board.put("é" * 1_000_000, {})
    with board.feed() as feed:
        (text,), _ = feed.take()
    assert len(text) < 2_000
    assert b'"characters":1000000' in text


def test_streams_are_bounded_and_their_places_come_free_again() -> None:
    page = Page(lambda _: [], lambda: False)
    streams = [page.events() for _ in range(MAX_BROWSERS)]
    assert {next(stream) for stream in streams} == {b"retry: 3000\n\n"}
    assert list(page.events()) == [b'data: {"full":16}\n\n']
    streams[3].close()
    with closing(page.events()) as let_in:
        assert next(let_in) == b"retry: 3000\n\n"
        assert next(let_in) == b":\n\n"  # a sign of life where there is no news


def test_figures_are_sent_once_and_those_of_the_past_first() -> None:
    readings = [{"at_seconds": float(second)} for second in range(1, 4)]
    page = Page(lambda at: [r for r in readings if r["at_seconds"] > at], lambda: False)
    with closing(page.events()) as events:
        next(events)
        assert next(events) == b'data: {"figures":[{"at_seconds":1.0},{"at_seconds":2.0},{"at_seconds":3.0}]}\n\n'
        readings.append({"at_seconds": 4.0})
        assert next(events) == b'data: {"figures":[{"at_seconds":4.0}]}\n\n'


def test_the_demo_keeps_figures_before_anybody_looks() -> None:
    with demo_page(Address()) as (demo, url):
        demo.show(SentText(b"a text"), JOY)
        deadline = time.monotonic() + 3
        eventually(lambda: demo.refresh(7, 1.5) or time.monotonic() > deadline, 10, "three seconds")  # type: ignore[func-returns-value]
        with opened_stream(url) as stream:
            figures = next(events_of(stream))["figures"]
    assert len(figures) >= 3
    assert (figures[0]["records"], figures[0]["lag_records"]) == (0, None)
    assert (figures[1]["records"], figures[1]["lag_records"], figures[1]["lag_seconds"]) == (1, 7, 1.5)


def test_a_browser_that_reads_nothing_is_cut_off_and_slows_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "timeout", 0.5)
    with demo_page(Address()) as (demo, url), ExitStack() as stack:
        silent = [stack.enter_context(opened_stream(url, receive_bytes=2_048)) for _ in range(MAX_BROWSERS)]

        def is_let_in() -> bool:
            for _ in range(2_000):
                demo.show(SentText(b"x" * 500), JOY)  # never waits
            with opened_stream(url) as stream:
                return "figures" in next(events_of(stream))

        eventually(is_let_in, 120, "the silent ones were cut off")
        assert len(silent) == MAX_BROWSERS


def test_a_browser_that_is_gone_leaves_its_place() -> None:
    with demo_page(Address()) as (_, url):
        for _ in range(3 * MAX_BROWSERS):
            with opened_stream(url) as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # as a crash ends it

        def is_let_in() -> bool:
            with opened_stream(url) as stream:
                return "figures" in next(events_of(stream))

        eventually(is_let_in, 30, "there is a place")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Origin": "http://evil.example"}, b"x", 403),
        ({"Origin": "null"}, b"x", 403),
        ({}, b"x", 403),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, b"x", 403),  # a name that was pointed at us
        ({"Origin": "http://127.0.0.1:1"}, b"x", 403),
        ({"Origin": "own"}, b"x" * 100_001, 413),
        ({"Origin": "own", "Content-Length": "-1"}, b"", 411),
    ],
)
def test_a_text_is_taken_from_the_page_itself_only(headers: dict[str, str], body: bytes, status: int) -> None:
    with demo_page(Address()) as (demo, url):
        host = url.removeprefix("http://").removesuffix("/page")
        own = {name: value.replace("own", f"http://{host}") for name, value in headers.items()}
        answer = ask(f"{url}/texts", body, own)
        assert answer.status == status
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert demo.typed.empty()


@pytest.mark.parametrize("path", ["", "/events"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1"])
def test_by_another_name_nothing_is_shown(path: str, host: str) -> None:
    with demo_page(Address()) as (_, url):
        assert ask(f"{url}{path}", None, {"Host": host}).status == 403


@pytest.mark.parametrize("host", ["localhost:1", "192.168.7.8", "[::1]:8082"])
def test_addresses_and_this_machine_are_names_that_nobody_else_has(host: str) -> None:
    with demo_page(Address()) as (_, url):
        assert ask(url, None, {"Host": host}).status == 200


def test_too_many_texts_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with demo_page(Address()) as (demo, url):
        while demo.places.acquire(blocking=False):
            pass
        origin = url.removesuffix("/page")
        assert ask(f"{url}/texts", b"x", {"Origin": origin}).status == 429


def test_only_this_machine_reaches_it_unless_told_otherwise() -> None:
    with demo_page(Address()) as (_, url):
        assert url.startswith("http://127.0.0.1:")
        port = int(url.split(":")[2].removesuffix("/page"))
        with socket.socket() as other:
            assert other.connect_ex(("127.0.0.2", port)) != 0
    with demo_page(Address("0.0.0.0")) as (_, url), socket.socket() as other:  # noqa: S104
        assert other.connect_ex(("127.0.0.2", int(url.split(":")[2].removesuffix("/page")))) == 0


@pytest.mark.parametrize("with_texts", [True, False])
def test_the_policy_names_what_is_in_the_file_and_nothing_else(with_texts: bool) -> None:
    document = page_document(with_texts)
    policy = page_headers(document)["Content-Security-Policy"]
    assert policy.count("'sha256-") == 2 == document.count(b"<script>") + document.count(b"<style>")
    assert "unsafe" not in policy
    assert b" style=" not in document
    assert b"innerHTML" not in document
    assert (b'id="form"' in document, b'id="rows"' in document) == (with_texts, with_texts)


def test_it_is_one_file() -> None:
    html = (Path(__file__).parents[3] / "worker/page/page.html").read_text(encoding="utf-8")
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").replace("isHttp", "")
    assert "url(" not in html
