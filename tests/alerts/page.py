"""What came of the trials, as a page."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from tests.harness.jars import KAFKA_VERSION
from tests.harness.prometheus import prometheus_version


@dataclass(frozen=True)
class Outcome:
    """Of one alert. Seconds count from a stack of workers that are ready, and from the mending."""

    alert: str
    done: str
    fired_after_s: float
    rested_after_s: float
    said: str
    others: Sequence[str]


def page(outcomes: Sequence[Outcome], factor: int) -> str:
    """The page that docker/ALERT_TRIALS.md holds."""
    rows = [
        f"| `{o.alert}` | {o.done} | {o.fired_after_s:.0f} s | {o.rested_after_s:.0f} s | {o.said} "
        f"| {', '.join(f'`{name}`' for name in o.others) or '–'} |"
        for o in sorted(outcomes, key=lambda outcome: outcome.alert)
    ]
    return "\n".join(
        [
            "# Alerts that fired and rested",
            "",
            "`make alerts` makes each rule of [alerts.yml](prometheus/alerts.yml) fire and rest again on a live stack:",
            "Apache Kafka, workers as processes, and a Prometheus that scrapes them and evaluates the rules, both once",
            "a second. It writes this page; do not edit it.",
            "",
            f"- Every `for` and every window of the rules is divided by {factor}, 1 s at least. Thresholds stay.",
            "- *fired*: from workers that are ready, with no alert, to the alert. *rested*: from the mending.",
            "- *others*: what fired beside it. A start takes some seconds, which stand for minutes here.",
            f"- Ran on {datetime.now(UTC):%Y-%m-%d}: Apache Kafka {KAFKA_VERSION}, Prometheus {prometheus_version()}, "
            f"kafka-python {version('kafka-python')}, Python {platform.python_version()}.",
            "",
            "| alert | what was done | fired | rested | it said | others |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )
