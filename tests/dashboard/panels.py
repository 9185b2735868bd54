"""The dashboard's panels, and what a Prometheus answers to their questions."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.prometheus import Prometheus

FILE = Path(__file__).parents[2] / "docker/grafana/dashboards/emotion-labeller.json"
RATE_INTERVAL = "10s"
"""Grafana's own is four scrapes at least; a scrape is a second here."""


@dataclass(frozen=True)
class Series:
    """One line of a panel: its name in the legend, and its points as (Unix seconds, value)."""

    legend: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """A panel as the file has it."""

    title: str
    kind: str
    unit: str
    is_share: bool
    place: Mapping[str, int]
    targets: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What one question of a panel gave; `question` is its place in the panel, from A on."""

    panel: Panel
    question: str
    series: Sequence[Series]


def panels() -> list[Panel]:
    """All of them, in the order of the file."""
    return [
        Panel(
            panel["title"],
            panel["type"],
            panel["fieldConfig"]["defaults"]["unit"],
            panel["fieldConfig"]["defaults"].get("custom", {}).get("stacking", {}).get("mode") == "percent",
            panel["gridPos"],
            panel["targets"],
        )
        for panel in json.loads(FILE.read_text(encoding="utf-8"))["panels"]
    ]


def ask(prometheus: Prometheus, since: float, until: float) -> list[Answer]:
    """Every question of every panel, second by second, as Grafana asks it with the job "All"."""
    return [
        Answer(
            panel, target["refId"], [_series(panel, target, found) for found in prometheus.range(text, since, until)]
        )
        for panel in panels()
        for target in panel.targets
        for text in [target["expr"].replace("$__rate_interval", RATE_INTERVAL).replace("$job", ".*")]
    ]


def _series(panel: Panel, target: Mapping[str, Any], found: Mapping[str, Any]) -> Series:
    """A table has no legend: its columns are the labels."""
    labels: Mapping[str, str] = found["metric"]
    if panel.kind == "table":
        legend = ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
    else:
        legend = re.sub(r"{{(\w+)}}", lambda label: labels.get(label[1], ""), target["legendFormat"])
    points = [(float(at), float(value)) for at, value in found["values"]]
    return Series(legend, [(at, value) for at, value in points if value == value])  # NaN: 0 of 0
