"""A page in a real browser while very much comes, or nothing any more."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.harness.browser import Browser
from tests.harness.eventually import eventually
from tests.harness.ports import free_port
from tests.worker.page.conftest import opened_stream
from worker.commands.conversation import Answer, SentText
from worker.commands.demo_page import Address, DemoPage, demo_page
from worker.page.page import MAX_BROWSERS

LABELS = ("joy", "anger", "fear")
NEWEST = "return document.querySelector('#rows tr td:last-child')?.textContent ?? null"
ROWS = "return document.querySelectorAll('#rows tr').length"
COUNT_SAID = """
  window.said = 0;
  window.since = performance.now();
  const observer = new MutationObserver(() => window.said++);
  for (const of of document.querySelectorAll("[role=status], [aria-live], output")) {
    observer.observe(of, { childList: true, characterData: true, subtree: true });
  }
"""
MIX_ROWS = "return document.querySelectorAll('#mix tbody tr').length"
NODES = "return document.querySelectorAll('*').length"


def show(demo: DemoPage, numbers: range) -> None:
    for number in numbers:
        answer = Answer(LABELS[number % 3], None, 0.5 + number % 50 / 100, number % 2 == 0)
        demo.show(SentText(f"text number {number}".encode()), answer)


@pytest.fixture
def served() -> Iterator[tuple[DemoPage, str]]:
    with demo_page(Address("127.0.0.1", free_port())) as (demo, url):
        yield demo, url


def test_of_ten_thousand_texts_two_hundred_are_kept_and_it_still_answers(
    served: tuple[DemoPage, str], chromium: Browser
) -> None:
    demo, url = served
    chromium.open(url)
    show(demo, range(200))
    eventually(lambda: chromium.script(ROWS) == 200, 30, "two hundred rows")
    eventually(lambda: chromium.script(MIX_ROWS) == len(LABELS), 30, "all labels are in the mix")
    nodes = chromium.script(NODES)
    chromium.script(COUNT_SAID)
    for first in range(200, 10_000, 100):
        show(demo, range(first, first + 100))
        assert chromium.script(ROWS) <= 200  # it answers in between
    eventually(lambda: chromium.script(NEWEST) == "text number 9999", 30, "the newest text is shown")
    assert chromium.script(ROWS) == 200
    assert chromium.script(NODES) == nodes
    said, seconds = chromium.script("return [window.said, (performance.now() - window.since) / 1000]")
    assert said <= 1 + seconds / 15  # no screen reader is told each of them
    eventually(lambda: "records a second, most often" in chromium.text("#said"), 30, "but now and then a summary")
    chromium.click("#pause")
    assert chromium.text("#state") == "Paused"
    show(demo, range(10_000, 11_000))
    eventually(lambda: "1,000 texts came" in chromium.text("#state"), 30, "they are counted while it is paused")
    assert chromium.script(NEWEST) == "text number 9999"
    chromium.click("#pause")
    assert chromium.script(NEWEST) == "text number 10999"
    assert chromium.console() == []


def test_what_came_too_fast_is_said(served: tuple[DemoPage, str], chromium: Browser) -> None:
    demo, url = served
    chromium.open(url)
    show(demo, range(1))
    eventually(lambda: chromium.script(ROWS) == 1, 30, "a row")
    show(demo, range(1, 5_001))

    def is_said() -> bool:
        return "more came too fast to be shown" in chromium.text("#stream-note")

    eventually(is_said, 30, "it says that there were more")
    eventually(lambda: chromium.script(NEWEST) == "text number 5000", 30, "the newest text is shown")


def test_who_comes_late_sees_what_came_last(served: tuple[DemoPage, str], chromium: Browser) -> None:
    demo, url = served
    show(demo, range(300))
    chromium.open(url)
    eventually(lambda: chromium.script(ROWS) == 200, 30, "two hundred rows")
    assert chromium.script(NEWEST) == "text number 299"
    assert "too fast" not in chromium.text("#stream-note")
    mix = "return [...document.querySelectorAll('#mix tbody tr')].map(row => row.cells[3].textContent)"
    eventually(lambda: chromium.script(mix) == ["100", "100", "100"], 30, "the mix is that since the start")


def test_a_page_too_many_says_so_and_is_let_in_later(served: tuple[DemoPage, str], chromium: Browser) -> None:
    _, url = served
    with ExitStack() as stack:
        for _ in range(MAX_BROWSERS):
            stack.enter_context(opened_stream(url))
        chromium.open(url)
        eventually(lambda: "takes no more" in chromium.text("#state"), 30, "it is told")
    eventually(lambda: chromium.text("#state") == "Live", 30, "it is let in")


def test_a_server_that_ends_is_noticed_and_one_that_comes_again_is_found(chromium: Browser) -> None:
    address = Address("127.0.0.1", free_port())
    with demo_page(address) as (demo, url):
        show(demo, range(5))
        chromium.open(url)
        eventually(lambda: chromium.script(ROWS) == 5, 30, "five rows")
    eventually(lambda: chromium.text("#state").startswith("Connection lost"), 30, "it is noticed")
    assert chromium.script(ROWS) == 5
    with demo_page(address) as (demo, url):
        show(demo, range(2))
        eventually(lambda: chromium.text("#state") == "Live", 30, "it is found")
        eventually(lambda: chromium.script(ROWS) == 2, 30, "the new one's rows")
