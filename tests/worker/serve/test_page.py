"""The page of `serve`: figures alone, in a real browser."""

from pathlib import Path

from tests.harness.browser import Browser
from tests.harness.eventually import eventually
from tests.worker.page.conftest import events_of, opened_stream
from tests.worker.serve.conftest import Served, serving
from worker.page.page import MAX_BROWSERS

MIX = "return [...document.querySelectorAll('#mix tbody tr')].map(row => Number(row.cells[3].textContent))"


def test_it_shows_figures_and_no_text(tiny_model: Path, chromium: Browser) -> None:
    with serving(tiny_model, page=True) as served:
        url = f"http://127.0.0.1:{served.port}/page"
        chromium.open(url)
        assert served.ask("/label", ["a text of mine", "another one", " "]).status == 200
        assert len(served.ask("/predict", {"inputs": [["one"], ["two"]]}).json) == 2
        eventually(lambda: sum(chromium.script(MIX)) == 4, 30, "four labels in the mix")
        assert chromium.text("#state") == "Live"
        assert chromium.text("#lag") == "0 texts"
        assert chromium.text("#dead") == "1"
        eventually(lambda: chromium.text("#latency").endswith("ms"), 30, "a latency")
        assert chromium.script("return document.querySelectorAll('form, input, #stream').length") == 0
        assert "text of mine" not in chromium.script("return document.documentElement.outerHTML")
        assert chromium.console() == []
        assert set(chromium.requested()) == {url, f"{url}/events"}
        with opened_stream(url, "1.1") as stream:
            figures = next(events_of(stream))["figures"][-1]
        assert figures["ready"] == 1
        assert figures["queued_texts"] == 0
        assert figures["lag_records"] is figures["records"] is None
    # `serving` has seen that it ends although a page is open
    eventually(lambda: chromium.text("#state").startswith("Connection lost"), 30, "the end is noticed")


def test_its_headers_are_those_of_the_page(tiny_model: Path) -> None:
    with serving(tiny_model, page=True) as served:
        answer = served.ask("/page")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; connect-src 'self'")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert served.metric("emotion_http_requests_total") >= 1
        assert "/page" not in served.ask("/openapi.json").json["paths"]


def test_browsers_that_are_gone_leave_their_places(tiny_model: Path) -> None:
    with serving(tiny_model, page=True) as served:
        url = f"http://127.0.0.1:{served.port}/page"
        for _ in range(2 * MAX_BROWSERS):
            with opened_stream(url, "1.1"):
                pass

        def is_let_in() -> bool:
            with opened_stream(url, "1.1") as stream:
                return "figures" in next(events_of(stream))

        eventually(is_let_in, 30, "there is a place")


def test_without_the_setting_there_is_none(served: Served) -> None:
    assert served.ask("/page").status == 404
    assert served.ask("/page/events").status == 404
