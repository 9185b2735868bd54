"""docker/DASHBOARD_TRIAL.md: what every question of the dashboard gave on a live stack."""

import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from tests.dashboard.panels import Answer
from tests.dashboard.units import formatted
from tests.harness.jars import KAFKA_VERSION
from tests.harness.prometheus import prometheus_version

NEEDS_A_GPU = {"Device memory"}
"""Panels that may be 0 all the time, or empty, where there is none."""


def page(answers: Sequence[Answer], seconds: float) -> str:
    """The page."""
    return "\n".join(
        [
            "# The dashboard on a live stack",
            "",
            "`make dashboard` starts Apache Kafka, workers as processes, `serve`, and a Prometheus that scrapes them once a",
            "second. It sends texts, broken records and requests, and lets a process, a worker and the network fail. Then",
            "it asks every question of [the dashboard](grafana/dashboards/emotion-labeller.json), draws the answers with",
            "matplotlib, and writes this page; do not edit it. It fails where a question has no answer.",
            "",
            "No package brings a Grafana server, so Grafana itself never drew this.",
            "",
            f"- Ran on {datetime.now(UTC):%Y-%m-%d}, {seconds:.0f} s long: Apache Kafka {KAFKA_VERSION}, Prometheus "
            f"{prometheus_version()}, kafka-python {version('kafka-python')}, Python {platform.python_version()}.",
            "- *least*, *most* and *last* are of the whole time, with the panel's unit.",
            "",
            "![every panel](grafana/dashboard.png)",
            "",
            "| panel | series | least | most | last |",
            "| --- | --- | --- | --- | --- |",
            *_rows(answers),
            "",
        ]
    )


def _rows(answers: Sequence[Answer]) -> Iterator[str]:
    for answer in answers:
        panel = answer.panel
        for series in answer.series:
            values = [value for _, value in series.points]
            if panel.kind == "table":
                yield f"| {panel.title} | {series.legend} | – | – | – |"
            elif values:
                shown = [formatted(value, panel.unit) for value in (min(values), max(values), values[-1])]
                yield f"| {panel.title} | {series.legend or '–'} | {' | '.join(shown)} |"


def problems(answers: Sequence[Answer]) -> list[str]:
    """Questions without an answer, and lines that nobody could tell from their neighbours."""
    found = []
    for answer in answers:
        where = f"{answer.panel.title}, {answer.question}"
        lines = [series for series in answer.series if series.points]
        if not lines:
            found.append(f"{where}: no data")
        elif all(value == 0 for line in lines for _, value in line.points) and answer.panel.title not in NEEDS_A_GPU:
            found.append(f"{where}: nothing but 0")
        legends = [line.legend for line in lines]
        if answer.panel.kind == "timeseries" and (len(set(legends)) < len(legends) or not all(legends)):
            found.append(f"{where}: legends {legends}")
    return found
