"""The demo's page in a real browser, its texts through a real broker."""

from typing import Any

import pytest

from tests.harness.browser import ENTER, SPACE, TAB, Browser
from tests.harness.eventually import eventually
from tests.worker.page.conftest import Demo

ROWS = "return [...document.querySelectorAll('#rows tr')].map(row => [...row.cells].map(cell => cell.textContent))"
FOCUS = "return document.activeElement.id"
WIDTHS = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
SUBMIT = (
    "document.getElementById('text').value = arguments[0]; document.getElementById('form').requestSubmit();"
    "return document.getElementById('text').value"
)
CONTRASTS = """
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = colour => {
    const [red, green, blue] = numbers(colour).map(linear);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const isClear = colour => numbers(colour)[3] === 0;
  const ground = element => isClear(getComputedStyle(element).backgroundColor) ? ground(element.parentElement)
    : getComputedStyle(element).backgroundColor;
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    const has = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!has || !element.checkVisibility() || element.matches("script")) continue;
    const [dark, bright] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => a - b);
    found.push([(bright + 0.05) / (dark + 0.05), element.textContent]);
  }
  return found.sort((a, b) => a[0] - b[0]);
"""


@pytest.fixture
def page(chromium: Browser, demo: Demo) -> Browser:
    """The page, with the demo's six samples at least."""
    chromium.prefer(reduced_motion="reduce")
    chromium.resize(1200, 900)
    chromium.open(demo.url)
    eventually(lambda: len(chromium.script(ROWS)) >= 6, 30, "the samples are shown")
    return chromium


def send(page: Browser, text: str) -> None:
    page.script(SUBMIT, text)


def row_of(page: Browser, text: str) -> list[str]:
    """Label, score, confident and text, once they are shown."""
    found = eventually(lambda: [row for row in page.script(ROWS) if row[3] == text], 30, f"a row of {text[:50]!r}")
    return [str(cell) for cell in found[0]]


def test_it_asks_nobody_but_its_own_server_and_breaks_no_rule(page: Browser, demo: Demo) -> None:
    send(page, "who is asked?")
    row_of(page, "who is asked?")
    origin = f"http://127.0.0.1:{demo.port}/page"
    assert set(page.requested()) == {origin, f"{origin}/events", f"{origin}/texts"}
    assert page.console() == []


def test_its_policy_lets_no_other_script_or_style_in(page: Browser) -> None:
    page.script(
        "window.blocked = [];"
        "document.addEventListener('securitypolicyviolation', event => window.blocked.push(event.effectiveDirective));"
        "const script = document.createElement('script'), style = document.createElement('style');"
        "style.textContent = 'body { display: none }'; document.head.append(script, style);"
        "const image = new Image(); image.src = '/metrics'; fetch('http://127.0.0.2:1/').catch(() => 0);"
        "try { document.body.innerHTML = '<b>no</b>' } catch { window.blocked.push('innerHTML') }"
    )
    expected = {"style-src-elem", "img-src", "connect-src", "innerHTML"}
    eventually(lambda: expected <= set(page.script("return window.blocked")), 10, "all are blocked")
    assert page.script("return getComputedStyle(document.body).display") != "none"


def test_the_keyboard_alone_sends_a_text_and_stops_the_stream(page: Browser) -> None:
    order = []
    for _ in range(4):
        page.press(TAB)
        order.append(page.script(FOCUS))
        assert page.script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert order == ["pause", "text", "send", "stream"]
    page.script("document.getElementById('pause').focus()")
    page.press(TAB, *"by keys alone", ENTER)
    label, score, confident, _ = row_of(page, "by keys alone")
    said = eventually(
        lambda: "by keys alone" in page.text("#answer") and page.text("#answer"), 10, "the answer is said"
    )
    assert said == f"{label}, score {score}{', not confident' if confident == 'no' else ''}: by keys alone"
    assert 0 < float(score) <= 1
    assert confident == ("yes" if float(score) >= 0.5 else "no")
    assert page.script(FOCUS) == "text"
    page.script("document.getElementById('pause').focus()")
    page.press(SPACE)
    assert page.text("#state") == "Paused"
    send(page, "while it is paused")
    eventually(lambda: "while it is paused" in page.text("#answer"), 30, "its answer")
    eventually(lambda: page.text("#state") == "Paused. 1 texts came", 10, "it says that there is more")
    assert "while it is paused" not in [row[3] for row in page.script(ROWS)]
    page.press(SPACE)
    row_of(page, "while it is paused")
    assert page.text("#state") == "Live"


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=window.hacked=1>",
        "</script><script>window.hacked=1</script>",
        "<svg/onload=window.hacked=1><iframe srcdoc='<script>parent.hacked=1</script>'>",
        "{{7*7}} ${7*7} javascript:window.hacked=1 &lt;b&gt;",
        "\u202eright to left\u202c \u2067 and isolated",
        "a\u0301\u0327" * 100 + "\U0001f600" * 50,
    ],
)
def test_a_hostile_text_stays_a_text(text: str, page: Browser) -> None:
    elements = page.script("return document.querySelectorAll('img, iframe, svg, script').length")
    send(page, text)
    label, score, *_ = row_of(page, text)
    assert label.isalpha()
    assert 0 < float(score) <= 1
    assert page.script("return document.querySelectorAll('img, iframe, svg, script').length") == elements
    assert page.script("return window.hacked ?? null") is None
    assert page.console() == []


def test_of_a_very_long_text_the_beginning_is_shown(page: Browser) -> None:
    send(page, "x" * 50_000)
    row_of(page, "x" * 500 + "… (50,000 characters)")
    width, window = page.script(WIDTHS)
    assert width <= window


def test_a_text_that_is_no_text_is_told_and_kept(page: Browser) -> None:
    send(page, "x" * 100_001)
    eventually(lambda: page.text("#answer") == "Not labelled: a text may have 100000 bytes", 10, "it is refused")
    assert page.script("return document.getElementById('text').value.length") == 100_001
    send(page, "   ")
    label, score, confident, _ = row_of(page, "   ")
    assert (label, score, confident) == ("dead letter: empty_text", "–", "–")


@pytest.mark.parametrize("width", [320, 360, 700])
def test_a_narrow_window_scrolls_only_downwards(width: int, page: Browser) -> None:
    send(page, "wide" * 100)
    row_of(page, "wide" * 100)
    page.resize(width, 700)
    scroll, window = page.script(WIDTHS)
    assert (scroll, page.script("return innerWidth")) == (window, width)
    region = page.script("const of = document.getElementById('stream'); return [of.scrollWidth, of.clientWidth]")
    assert region[0] <= region[1]
    assert [page.role(of) for of in ("#stream table", "#rows tr", "#rows td")] == ["table", "row", "cell"]
    assert (
        page.script("return Math.min(...[...document.querySelectorAll('button, input')].map(e => e.offsetHeight))")
        >= 44
    )


def test_light_and_dark_can_both_be_read(page: Browser) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page.prefer(color_scheme=scheme, reduced_motion="reduce")
        contrasts: list[list[Any]] = page.script(CONTRASTS)
        assert len(contrasts) > 30
        assert contrasts[0][0] >= 4.5, (scheme, contrasts[:3])
        grounds[scheme] = page.script("return getComputedStyle(document.body).backgroundColor")
    assert grounds == {"light": "rgb(245, 245, 243)", "dark": "rgb(18, 19, 21)"}


@pytest.mark.parametrize(("preference", "animation"), [("reduce", "none"), ("no-preference", "fresh")])
def test_nothing_moves_for_who_does_not_like_it(preference: str, animation: str, page: Browser) -> None:
    page.prefer(reduced_motion=preference)
    text = f"moves: {preference}"
    send(page, text)
    row_of(page, text)
    assert page.script("return getComputedStyle(document.querySelector('#rows tr.fresh')).animationName") == animation


def test_a_screen_reader_finds_its_way(page: Browser) -> None:
    assert page.script("return document.documentElement.lang") == "en"
    headings = page.script("return [...document.querySelectorAll('h1, h2')].map(h => h.tagName + ' ' + h.textContent)")
    assert headings == [
        "H1 Emotion labeller",
        *("H2 Now", "H2 Try a text", "H2 Mix of labels", "H2 Texts as they flow"),
    ]
    roles = {
        "header": ("banner", ""),
        "main": ("main", ""),
        "#pause": ("button", "Pause"),
        "#text": ("textbox", "It goes through the broker and the worker, and comes back with its label"),
        "#send": ("button", "Label"),
        "#answer": ("status", ""),
        "#state": ("status", ""),
        "#said": ("status", ""),
        "#stream": ("region", "The newest texts"),
        "#stream table": ("table", "The newest 200, the newest first"),
        "#stream th:last-child": ("columnheader", "Text"),
        "#mix tbody th": ("rowheader", page.text("#mix tbody th")),
    }
    assert {selector: (page.role(selector), page.name(selector)) for selector in roles} == roles
    assert page.script("return document.getElementById('rows').closest('[aria-live], [role=status]')") is None


def test_the_mix_is_that_of_the_labels(page: Browser) -> None:
    send(page, "one more for the mix")
    row_of(page, "one more for the mix")
    rows = "return [...document.querySelectorAll('#mix tbody tr')].map(row => [...row.cells].map(c => c.textContent))"

    def counts() -> dict[str, int]:
        return {row[0]: int(row[3].replace(",", "")) for row in page.script(rows)}

    shown = [row[0] for row in page.script(ROWS) if not row[0].startswith("dead letter")]
    expected = {label: shown.count(label) for label in set(shown)}
    eventually(lambda: counts() == expected, 10, f"the mix is {expected}")
    assert page.text("#lag") == "0 records"
    assert page.text("#latency").endswith(" ms")


def test_what_it_says_of_itself_holds_no_text(page: Browser, demo: Demo) -> None:
    send(page, "a secret of mine")
    row_of(page, "a secret of mine")
    assert "secret" not in demo.said()
