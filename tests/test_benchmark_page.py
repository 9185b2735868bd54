"""The page of benchmark results: made from the saved results, and never stale."""

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.harness.report import RESULTS
from tests.benchmarks.page import GOALS, README, Goal, draw, read_results, render

_SAVED = {
    "benchmark": "pipeline",
    "date": "2026-02-03T04:05:06+00:00",
    "machine": "Some CPU, 2 cores",
    "broker": "Apache Kafka 4.3.1, one broker, here",
    "load_before": 0.1,
    "texts": "tweets",
    "command": "python -m tests.benchmarks.pipeline --save",
    "header": ["what", "texts/s"],
    "rows": [["forward pass", 245.1], ["exactly_once", 219.9], ["a peer", "-"]],
    "ratio": "0.897",
    "runs": {"forward pass": [245.1, 244.0], "exactly_once": [219.9, 220.0]},
    "goals": {"pipeline_to_ceiling_exactly_once": 0.897},
}


def test_the_page_says_what_the_saved_results_say() -> None:
    page = README.read_text(encoding="utf-8")
    assert render(page, read_results(RESULTS)) == page, "run `python -m tests.benchmarks.page`"


def test_every_saved_result_has_its_place_on_the_page_and_its_plot() -> None:
    page = README.read_text(encoding="utf-8")
    for name in read_results(RESULTS):
        assert f"<!-- result {name} -->" in page
        assert (RESULTS / f"{name}.png").is_file()


def test_a_new_result_replaces_the_old_one_with_machine_date_and_command() -> None:
    old = "<!-- goals -->\nold\n<!-- end -->\nkept\n<!-- result pipeline-float32 -->\n\nold\n\n<!-- end -->\n"
    page = render(old, {"pipeline-float32": _SAVED})
    assert "old" not in page
    assert "kept" in page
    assert "| exactly_once | 219.9 |" in page
    assert "| the same, exactly once | ≥ 0.88 | 0.897 | met | `pipeline` |" in page
    for fact in ("2026-02-03", "Some CPU, 2 cores", "2 rounds", "`python -m tests.benchmarks.pipeline --save`"):
        assert fact in page
    assert "; Apache Kafka 4.3.1, one broker on the same machine; system load before the run: 0.1; " in page


def test_the_forward_pass_is_called_the_ceiling_in_the_pipelines_table() -> None:
    page = render("<!-- result pipeline-float32 -->\n<!-- end -->\n", {"pipeline-float32": _SAVED})
    assert "| ceiling | 245.1 |" in page
    assert "forward pass" not in page


def test_samples_of_memory_are_one_sentence() -> None:
    rows = [[50_000, 962.8], [100_000, 983.0], [150_000, 975.4]]
    page = render(
        "<!-- result memory -->\n<!-- end -->\n", {"memory": _SAVED | {"rows": rows, "ratio": "growth: none"}}
    )
    assert "3 samples, one after every 50,000 records" in page
    assert "962.8 MiB at the least (after 50,000 records), 983.0 MiB at the most (after 100,000)." in page
    assert "growth: none" in page
    assert "|" not in page


@pytest.mark.parametrize(
    ("goal", "said", "met", "missed"),
    [
        ({"least": 0.9}, "≥ 0.9", [0.9, 1.0], [0.899]),
        ({"most": 35}, "≤ 35", [35, 19.3], [35.1]),
        ({"below": 1}, "< 1", [0.99], [1, 1.1]),
        ({"least": 0.95, "most": 1.05}, "0.95 to 1.05", [0.95, 1.05], [0.94, 1.06]),
        ({"most": 0, "words": "no growth"}, "no growth", [0, -0.1], [0.01]),
    ],
)
def test_a_goal_is_met_or_missed(goal: dict[str, Any], said: str, met: list[float], missed: list[float]) -> None:
    it = Goal("a figure", "pipeline", "its_key", **goal)
    assert str(it) == said
    assert {it.verdict(figure) for figure in met} == {"met"}
    assert {it.verdict(figure) for figure in missed} == {"**missed**"}
    assert it.verdict(None) == "–"


def test_a_figure_without_a_goal_has_no_verdict() -> None:
    it = Goal("a figure", "pipeline", "its_key")
    assert (str(it), it.verdict(1.0)) == ("–", "–")


def test_a_figure_may_be_the_ratio_of_two_rows() -> None:
    it = Goal("a figure", "pipeline", ("exactly_once", "forward pass"))
    assert it.measured({"pipeline": _SAVED}) == 0.9
    assert it.measured({"pipeline": _SAVED | {"rows": []}}) is None
    assert it.measured({}) is None


def test_a_result_that_is_not_there_is_said_to_be_missing() -> None:
    page = render("<!-- goals -->\n<!-- end -->\n<!-- result memory -->\n<!-- end -->\n", {})
    assert page.count("not measured yet") == len(GOALS)
    assert "Not measured yet." in page


@pytest.mark.parametrize("name", ["pipeline", "latency", "memory"])
def test_every_kind_of_result_is_drawn(tmp_path: Path, name: str) -> None:
    rows = {"latency": [["25%", 10.0, 1.0, 2.0, 3.0]], "memory": [[100, 10.5], [200, 10.6]]}.get(name, _SAVED["rows"])
    header = ["load", "texts/s", "p50 ms", "p95 ms", "p99 ms"]
    draw(name, _SAVED | {"header": header, "rows": rows}, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
