"""The page of results, from `results/*.json`: `python -m tests.benchmarks.page` fills README.md and draws the plots."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.harness.report import RESULTS

README = Path(__file__).parent / "README.md"
# Figure, goal, the result that holds it, and its name among that result's goals.
GOALS = [
    (
        "pipeline / ceiling in bfloat16, at least once",
        "≥ 0.92",
        "pipeline-bfloat16",
        "pipeline_to_ceiling_at_least_once",
    ),
    ("the same, exactly once", "≥ 0.88", "pipeline-bfloat16", "pipeline_to_ceiling_exactly_once"),
    ("ceiling / matrix products in bfloat16", "≥ 0.80", "pipeline-bfloat16", "ceiling_to_matrix_peak"),
    ("pipeline / ceiling in float32, at least once", "≥ 0.92", "pipeline-float32", "pipeline_to_ceiling_at_least_once"),
    ("the same, exactly once", "≥ 0.88", "pipeline-float32", "pipeline_to_ceiling_exactly_once"),
    ("ceiling / matrix products in float32", "≥ 0.80", "pipeline-float32", "ceiling_to_matrix_peak"),
    (
        "worker / best of plain loop, FastStream, Quix, MLServer, as people run them, mixed lengths",
        "≥ 4",
        "against-mixed",
        "worker_to_best_without_engine_plain",
    ),
    ("worker / Infinity's engine, as people run it, mixed lengths", "–", "against-mixed", "worker_to_engine_plain"),
    ("worker / best of all five, tuned, mixed lengths", "≥ 1.2", "against-mixed", "worker_to_best_peer_tuned"),
    (
        "worker / best of plain loop, FastStream, Quix, MLServer, as people run them, one length",
        "≥ 4",
        "against-uniform",
        "worker_to_best_without_engine_plain",
    ),
    ("worker / Infinity's engine, as people run it, one length", "–", "against-uniform", "worker_to_engine_plain"),
    ("worker / best of all five, tuned, one length", "≥ 1.2", "against-uniform", "worker_to_best_peer_tuned"),
    ("p99 at 50 % load / (3 x a lone forward pass + 50 ms)", "≤ 1", "latency", "p99_at_half_load_to_allowed"),
    ("µs of CPU a record, exactly once", "≤ 35", "client", "client_us_exactly_once"),
    ("the same / the plain loop's", "< 1", "client", "client_to_plain_loop"),
    ("throughput, 10^5 / 10^4 records waiting", "± 5 %", "backlog", "large_to_small_backlog"),
    ("growth of memory over 10^6 records, %", "none", "memory", "growth_percent"),
    ("`EMOTION_PROCESSES=auto` / best", "≥ 0.97", "processes", "auto_to_best"),
    ("exactly once / at least once, a model that costs nothing", "–", "delivery", "exactly_once_to_at_least_once"),
    ("a made-up A100: share of the time that it is busy", "–", "device", "device_busy"),
]
_SECTION = re.compile(r"(<!-- (?P<what>result [\w-]+|goals) -->\n).*?(<!-- end -->)", re.DOTALL)
_LINES = {"latency": (2, 3, 4), "memory": (1,)}  # columns over the first one; all else are bars of the second column

Results = Mapping[str, Mapping[str, Any]]


def main() -> None:
    results = read_results(RESULTS)
    README.write_text(render(README.read_text(encoding="utf-8"), results), encoding="utf-8")
    for name, result in results.items():
        draw(name, result, RESULTS / f"{name}.png")


def read_results(folder: Path) -> Results:
    """What was saved, by name."""
    return {file.stem: orjson.loads(file.read_bytes()) for file in sorted(folder.glob("*.json"))}


def render(page: str, results: Results) -> str:
    """The page with its marked sections made anew."""

    def section(match: re.Match[str]) -> str:
        what = match["what"]
        text = _goals(results) if what == "goals" else _result(what.removeprefix("result "), results)
        return f"{match[1]}\n{text}\n\n{match[3]}"

    return _SECTION.sub(section, page)


def draw(name: str, result: Mapping[str, Any], file: Path) -> None:
    """The result as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    header, rows = result["header"], result["rows"]
    figure, axes = pyplot.subplots(layout="constrained", figsize=(8, 0.45 * len(rows) + 1.4))
    if name in _LINES:
        figure.set_size_inches(8, 4)
        for column in _LINES[name]:
            axes.plot([row[0] for row in rows], [row[column] for row in rows], marker="o", label=header[column])
        axes.set(xlabel=header[0], ylim=(0, None))
        axes.legend()
    else:
        shown = [row for row in rows if isinstance(row[1], (int, float))]  # not what could not be run
        axes.bar_label(axes.barh([row[0] for row in shown], [row[1] for row in shown]), fmt="%.1f", padding=4)
        axes.invert_yaxis()
        axes.set_xlabel(header[1])
        axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120, metadata={"Software": None})
    pyplot.close(figure)


def _result(name: str, results: Results) -> str:
    if name not in results:
        return "Not measured yet."
    result = results[name]
    rounds = max((len(values) for values in result.get("runs", {}).values()), default=1)
    where = f"{result['date'][:10]}, {result['machine']}, {result['broker']}, load {result['load_before']} before"
    return (
        f"{where}; {rounds} {'round' if rounds == 1 else 'rounds'}; texts: {result['texts']}; "
        f"`{result['command']}`\n\n{_table(result['header'], result['rows'])}\n\n"
        f"{result['ratio']}\n\n![{name}](results/{name}.png)"
    )


def _goals(results: Results) -> str:
    rows = []
    for figure, goal, name, key in GOALS:
        found = results[name]["goals"].get(key, "not measured") if name in results else "not measured yet"
        rows.append((figure, goal, found, f"`{name.split('-')[0]}`"))
    return _table(("figure", "goal", "measured", "benchmark"), rows)


def _table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    main()
