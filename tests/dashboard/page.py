"""docker/DASHBOARD_TRIAL.md: what every question of the dashboard gave on a live stack."""

import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from tests.dashboard.life import Day
from tests.dashboard.panels import Answer
from tests.dashboard.units import formatted
from tests.harness.jars import KAFKA_VERSION
from tests.harness.prometheus import prometheus_version

_MAY_BE_ZERO = {("Device memory", "A"), ("Canary: scores, doubts, failures", "C")}
"""Without a GPU, and as long as no model fails on a text."""
_IDLE_SECONDS = 5


def page(answers: Sequence[Answer], day: Day) -> str:
    """The page."""
    rows = "\n".join(_rows(answers))
    return f"""# The dashboard on a live stack

`make dashboard` starts Apache Kafka, workers as processes, `serve`, and a Prometheus that scrapes them once a second.
It sends texts, broken records and requests, and lets a process, a worker, the network and the output topic fail. At the
end nothing comes for a while. Then it asks every question of
[the dashboard](grafana/dashboards/emotion-labeller.json), draws the answers with matplotlib, and writes this page; do
not edit it. It fails

- where a question has no answer, or nothing but 0; device memory without a GPU may be, and the share of texts that a
  model fails on;
- where lines of a panel cannot be told apart;
- where a panel of one number has none while all is well, or while nothing comes.

No package brings a Grafana server, so Grafana itself never drew this.

- Ran on {datetime.now(UTC):%Y-%m-%d}, {day.until - day.since:.0f} s long: Apache Kafka {KAFKA_VERSION},
  Prometheus {prometheus_version()}, kafka-python {version("kafka-python")}, Python {platform.python_version()}.
- *least*, *most* and *last* are of the whole time, with the panel's unit. Addresses are those of this run.

![every panel](grafana/dashboard.png)

| panel | series | least | most | last |
| --- | --- | --- | --- | --- |
{rows}
"""


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


def problems(answers: Sequence[Answer], day: Day) -> Iterator[str]:
    """What is wrong with each question."""
    for answer in answers:
        where_from = (answer.panel.title, answer.question)
        where = f"{answer.panel.title}, {answer.question}: "
        lines = [series for series in answer.series if series.points]
        legends = [line.legend for line in lines]
        if not lines:
            yield where + "no data"
        elif all(value == 0 for line in lines for _, value in line.points) and where_from not in _MAY_BE_ZERO:
            yield where + "nothing but 0"
        elif answer.panel.kind == "timeseries" and (len(set(legends)) < len(legends) or not all(legends)):
            yield where + f"legends {legends}"
        elif answer.panel.kind == "stat":
            for state, since, until in (
                ("all is well", day.well_since, day.well_until),
                ("nothing comes", day.until - _IDLE_SECONDS, day.until),
            ):
                told = [at for at, _ in lines[0].points if since <= at <= until]
                if len(told) < int(until - since):
                    yield where + f"while {state}, a number at {len(told)} of {until - since:.0f} s"
