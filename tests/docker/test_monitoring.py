"""Alert rules and dashboard: they ask for metrics and labels that a worker has, and each alert says what to do."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import Histogram

from tests.alerts.rules import FILE, alerts, faster
from tests.alerts.trials import TRIALS
from tests.dashboard.panels import panels
from tests.dashboard.units import formatted
from tests.harness.prometheus import PrometheusUnavailableError, program
from worker.observe.metrics import METRICS

DOCKER = Path(__file__).parents[2] / "docker"
PROMETHEUS: dict[str, Any] = yaml.safe_load((DOCKER / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
GROUPS = yaml.safe_load((DOCKER / "prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"]
ALERTS: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
DASHBOARD: dict[str, Any] = json.loads(
    (DOCKER / "grafana/dashboards/emotion-labeller.json").read_text(encoding="utf-8")
)
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
# What a scrape adds.
TARGET_LABELS = {"job", "instance"}


def series() -> dict[str, set[str]]:
    """The labels of every series that a worker shows, by its name."""
    found: dict[str, set[str]] = {}
    for metric in METRICS:
        labels = TARGET_LABELS | set(metric.labels)
        if metric.kind is Histogram:
            found |= {f"{metric.name}_sum": labels, f"{metric.name}_count": labels}
            found[f"{metric.name}_bucket"] = labels | {"le"}
        else:
            found[metric.name] = labels
    return found


def questions() -> Iterator[tuple[str, str, set[str]]]:
    """Where it stands, the expression, and the labels that words about its result name."""
    for alert in ALERTS:
        words = " ".join(alert["annotations"].values())
        yield alert["alert"], alert["expr"], set(re.findall(r"\$labels\.(\w+)", words))
        for asked in re.findall(r'printf "([^"]+)"', words):
            yield alert["alert"], asked, set(re.findall(r"\.Labels\.(\w+)", words))
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    for variable in DASHBOARD["templating"]["list"]:
        yield variable["name"], variable["query"]["query"], set()


def named_labels(expression: str) -> set[str]:
    """Labels that an expression groups or selects by."""
    groups = re.findall(r"\b(?:by|on|without|ignoring) \(([^)]*)\)", expression)
    selectors = re.findall(r"{([^}]*)}", expression)
    values = re.findall(r"label_values\(\w+, (\w+)\)", expression)
    grouped = {label.strip() for group in groups for label in group.split(",")}
    return grouped | set(values) | {label for each in selectors for label in re.findall(r"(\w+)\s*[=!]", each)}


QUESTIONS = [pytest.param(*question, id=f"{number}-{question[0]}") for number, question in enumerate(questions())]


@pytest.mark.parametrize(("where", "expression", "words"), QUESTIONS)
def test_rules_and_dashboard_name_only_metrics_and_labels_that_exist(
    where: str, expression: str, words: set[str]
) -> None:
    known = series()
    names = set(re.findall(r"\bemotion_\w+", expression))
    assert names or "up{" in expression
    assert names <= known.keys()
    labels = TARGET_LABELS.union(*(known[name] for name in names))
    assert named_labels(expression) | words <= labels


def test_the_dashboard_shows_every_metric() -> None:
    asked = " ".join(expression for _, expression, _ in questions())
    assert [
        metric.name for metric in METRICS if not re.search(rf"\b{metric.name}(_bucket|_sum|_count)?\b", asked)
    ] == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_says_what_it_is_and_what_to_do_and_stands_in_the_guide(alert: dict[str, Any]) -> None:
    assert alert["annotations"].keys() == {"summary", "action"}
    assert alert["labels"]["severity"] in {"critical", "warning"}
    guide = (DOCKER / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{alert['alert']}` \|", guide, re.MULTILINE)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_the_runbook_has_a_section_for_each_alert(alert: dict[str, Any]) -> None:
    assert f"\n### {alert['alert']}\n" in (DOCKER / "RUNBOOK.md").read_text(encoding="utf-8")


def test_each_alert_has_a_trial_and_its_outcome_is_kept() -> None:
    kept = (DOCKER / "ALERT_TRIALS.md").read_text(encoding="utf-8")
    rules = {alert["alert"] for alert in ALERTS}
    assert {name for names in TRIALS.values() for name in names} == rules
    assert set(re.findall(r"^\| `(Emotion\w+)`", kept, re.MULTILINE)) == rules


def test_rules_in_a_hurry_differ_in_their_durations_alone() -> None:
    rules = FILE.read_text(encoding="utf-8")
    assert faster(rules, 1) != rules  # the same in seconds
    slow, quick = alerts(faster(rules, 1)), alerts(faster(rules, 60))
    assert (slow["EmotionDrift"]["for"], quick["EmotionDrift"]["for"]) == ("3600s", "60s")
    assert "(emotion_rebalances_total[30s])" in quick["EmotionRebalances"]["expr"]
    assert "[60s:1s])" in quick["EmotionWorkersGone"]["expr"]
    assert [rule["annotations"] for rule in slow.values()] == [rule["annotations"] for rule in quick.values()]


def test_the_guide_names_no_alert_that_is_gone() -> None:
    guide = (DOCKER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(Emotion[A-Z]\w+)`", guide)) == {alert["alert"] for alert in ALERTS}


def test_job_data_source_and_rules_go_by_one_name_in_all_files() -> None:
    (scrape,) = PROMETHEUS["scrape_configs"]
    jobs = {job for alert in ALERTS for job in re.findall(r'job="([^"]+)"', alert["expr"])}
    assert jobs == {scrape["job_name"]}
    assert all((DOCKER / "prometheus" / name).exists() for name in PROMETHEUS["rule_files"])
    sources = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yaml").read_text(encoding="utf-8"))
    uids = {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]}
    assert uids == {source["uid"] for source in sources["datasources"]}


def test_every_panel_has_a_unit_that_is_known_and_the_kept_outcome_names_no_other_panels() -> None:
    for panel in panels():
        assert formatted(1.0, panel.unit)
    kept = (DOCKER / "DASHBOARD_TRIAL.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\| (.+?) \|", kept, re.MULTILINE)) - {"panel", "---"}
    assert shown
    assert shown <= {panel.title for panel in panels()}


def test_no_panels_lie_on_each_other() -> None:
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in PANELS)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def promtool(*arguments: str) -> None:
    try:
        tool = program("promtool")
    except PrometheusUnavailableError as error:
        if os.environ.get("PROMETHEUS_TEST_REQUIRED"):
            pytest.fail(f"no promtool, and PROMETHEUS_TEST_REQUIRED is set: {error}")
        pytest.skip(f"no promtool: {error}")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration() -> None:
    promtool("check", "config", str(DOCKER / "prometheus/prometheus.yml"))


def test_every_alert_fires_when_it_should_and_not_else() -> None:
    promtool("test", "rules", str(Path(__file__).parent / "alerts_test.yml"))


def test_every_question_of_the_dashboard_can_be_parsed(tmp_path: Path) -> None:
    expressions = [target["expr"] for panel in PANELS for target in panel["targets"]]
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(expressions)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", str(file))
