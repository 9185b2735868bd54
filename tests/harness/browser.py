"""A real browser, Debian's chromium without a window, driven over WebDriver (W3C) by its chromedriver."""

import base64
import contextlib
import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.apache_kafka import die_with_parent
from tests.harness.eventually import eventually
from tests.harness.ports import free_port

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of a reference to an element, as the standard has it
_ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=en"]
TAB = "\ue004"
ENTER = "\ue007"
SPACE = " "


def require_browser() -> None:
    """Skip where there is none, unless BROWSER_TEST_REQUIRED says that there must be one."""
    missing = [name for name in ("chromedriver", "chromium") if shutil.which(name) is None]
    if missing and os.environ.get("BROWSER_TEST_REQUIRED"):
        pytest.fail(f"no browser, and BROWSER_TEST_REQUIRED is set: {', '.join(missing)} not on the path")
    if missing:
        pytest.skip(f"no browser: {', '.join(missing)} not on the path (apt-get install chromium chromium-driver)")


class WebDriverError(Exception):
    """What the driver says went wrong."""


class Browser:
    """One tab."""

    def __init__(self, port: int, session: str) -> None:
        self._port = port
        self._session = session
        self._logs: dict[str, list[dict[str, Any]]] = {"browser": [], "performance": []}

    def reset(self) -> None:
        """As if it had just been started."""
        self.open("about:blank")
        self.devtools("Emulation.clearDeviceMetricsOverride")
        self.prefer()
        self.console()
        self.requested()
        self._logs = {"browser": [], "performance": []}

    def open(self, url: str) -> None:
        self._ask("POST", "url", {"url": url})

    def script(self, body: str, *arguments: object) -> Any:
        """What the body of a function returns; it is not bound by the page's policy."""
        return self._ask("POST", "execute/sync", {"script": body, "args": arguments})

    def text(self, selector: str) -> str:
        found: str = self._of(selector, "GET", "text")
        return found

    def click(self, selector: str) -> None:
        self._of(selector, "POST", "click", {})

    def type(self, selector: str, text: str) -> None:
        self._of(selector, "POST", "value", {"text": text})

    def press(self, *keys: str) -> None:
        """On whatever has the focus."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", "actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def role(self, selector: str) -> str:
        found: str = self._of(selector, "GET", "computedrole")
        return found

    def name(self, selector: str) -> str:
        """The accessible name."""
        found: str = self._of(selector, "GET", "computedlabel")
        return found

    def devtools(self, command: str, **parameters: object) -> Any:
        """A command of Chrome's own protocol, for what WebDriver has no word for."""
        return self._ask("POST", "goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width: int, height: int, scale: float = 1) -> None:
        """The page's part of the window, in CSS pixels."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    def prefer(self, **features: str) -> None:
        """What the user prefers: `color_scheme`, `reduced_motion`."""
        named = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        self.devtools("Emulation.setEmulatedMedia", features=named)

    def screenshot(self) -> bytes:
        """PNG."""
        return base64.b64decode(self._ask("GET", "screenshot"))

    def console(self) -> list[str]:
        """What was written to the console up to now, errors and violations of the policy among it."""
        return [f"{entry['level']}: {entry['message']}" for entry in self._log("browser")]

    def requested(self) -> list[str]:
        """Every URL that was asked for up to now, but for those of the browser's own first page."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("chrome:", "data:"))]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        self._logs[kind] += self._ask("POST", "se/log", {"type": kind})  # each entry is given once
        return self._logs[kind]

    def _of(self, selector: str, method: str, what: str, body: Mapping[str, object] | None = None) -> Any:
        found = self._ask("POST", "element", {"using": "css selector", "value": selector})
        return self._ask(method, f"element/{found[_ELEMENT]}/{what}", body)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        return _ask(self._port, method, f"/session/{self._session}/{path}", body)


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """One with an empty profile, for as long as the block runs; `folder` takes what it writes."""
    port = free_port()
    with (folder / "chromedriver.log").open("wb") as log:
        driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=log, stderr=log, cwd=folder, preexec_fn=die_with_parent
        )
    try:
        eventually(lambda: _is_ready(port), 60, "chromedriver answers")
        options = {"args": [*_ARGUMENTS, f"--user-data-dir={folder / 'profile'}"], "binary": shutil.which("chromium")}
        wishes = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = _ask(port, "POST", "/session", {"capabilities": {"alwaysMatch": wishes}})["sessionId"]
        try:
            yield Browser(port, session)
        finally:
            _ask(port, "DELETE", f"/session/{session}")
    finally:
        driver.terminate()
        driver.wait(30)


def _is_ready(port: int) -> bool:
    with contextlib.suppress(OSError):
        return bool(_ask(port, "GET", "/status")["ready"])
    return False


def _ask(port: int, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        value = json.loads(answer.read())["value"]
    finally:
        connection.close()
    if answer.status != 200:
        raise WebDriverError(f"{value['error']}: {value['message']}")
    return value
