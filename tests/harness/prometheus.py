"""Prometheus and its promtool: those on the path, else those of Debian's package, fetched once."""

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tests.harness.apache_kafka import die_with_parent
from tests.harness.eventually import eventually
from tests.harness.ports import free_port


class PrometheusUnavailableError(Exception):
    """It cannot be run here; the message says why."""


def program(name: str) -> str:
    """The path of `prometheus` or `promtool`.

    Raises:
        PrometheusUnavailableError: it is not on the path, and Debian's package cannot be had.
    """
    if found := shutil.which(name):
        return found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emotion-labeller"
    folder = cache / "prometheus"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
            _fetch(Path(scratch))
            with contextlib.suppress(OSError):  # another run was faster
                (Path(scratch) / "unpacked").rename(folder)
    return str(folder / "usr/bin" / name)


def prometheus_version() -> str:
    """Of the program that runs here."""
    done = subprocess.run([program("prometheus"), "--version"], capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).split()[2]


def _fetch(scratch: Path) -> None:
    """Unpack Debian's package below `scratch`; the lists of packages may have to be fetched before, as root."""
    for command in (
        ["apt-get", "download", "prometheus"],
        ["apt-get", "update"],
        ["apt-get", "download", "prometheus"],
    ):
        if not any(scratch.glob("prometheus_*.deb")):
            said = _run(command, scratch)
    packages = list(scratch.glob("prometheus_*.deb"))
    if not packages:
        raise PrometheusUnavailableError(f"not on the path, and apt-get cannot fetch Debian's prometheus: {said}")
    _run(["dpkg-deb", "-x", str(packages[0]), str(scratch / "unpacked")], scratch)
    if not (scratch / "unpacked/usr/bin/promtool").is_file():
        raise PrometheusUnavailableError(f"{packages[0].name} holds no promtool")


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout + done.stderr)[-500:]


class Prometheus:
    """A server that scrapes workers every second, with some rules; targets come and go as a discovery says."""

    def __init__(self, folder: Path, rules: str) -> None:
        """Write its configuration; nothing runs yet.

        Args:
            folder: Where everything is written.
            rules: A file of rules, as text.
        """
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "alerts.yml").write_text(rules, encoding="utf-8")
        discovery = {"files": [str(folder / "targets.json")], "refresh_interval": "1s"}
        job = {"job_name": "emotion-worker", "file_sd_configs": [discovery]}
        every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        text = json.dumps({"global": every, "rule_files": ["alerts.yml"], "scrape_configs": [job]})
        (folder / "prometheus.yml").write_text(text, encoding="utf-8")  # JSON is YAML
        self.scrape([])

    def scrape(self, ports: list[int]) -> None:
        """From now on these are the targets."""
        file = self._folder / "targets.json"
        file.with_suffix(".new").write_text(
            json.dumps([{"targets": [f"127.0.0.1:{port}" for port in ports]}]), encoding="utf-8"
        )
        file.with_suffix(".new").rename(file)

    def firing(self) -> dict[str, str]:
        """Each alert that fires now, with what it says."""
        alerts = self._ask("/api/v1/alerts")["alerts"]
        return {a["labels"]["alertname"]: a["annotations"]["summary"] for a in alerts if a["state"] == "firing"}

    def value(self, expression: str) -> float:
        """Of an expression that gives one sample at most; 0 where there is none."""
        result = self._ask(f"/api/v1/query?query={quote(expression)}")["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def range(self, expression: str, since: float, until: float) -> list[dict[str, Any]]:
        """Each series that an expression has, second by second between two moments: `metric` and `values`."""
        found = self._ask(f"/api/v1/query_range?query={quote(expression)}&start={since}&end={until}&step=1")
        return list(found["result"])

    def _ask(self, path: str) -> Mapping[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("GET", path)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if answer["status"] != "success":
            raise AssertionError(answer)
        found: Mapping[str, Any] = answer["data"]
        return found

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self._folder / "prometheus.log").read_text(encoding="utf-8")[-2000:])
        try:
            self.firing()
        except (OSError, ValueError):
            return False
        return True

    def __enter__(self) -> Self:
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program("prometheus"),
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                preexec_fn=die_with_parent,
            )
        eventually(self._is_ready, 60, "Prometheus answers")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)
