"""The page of results, from `results/*.json`: `python -m tests.benchmarks.page` fills README.md and draws the plots."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.harness.report import RESULTS

README = Path(__file__).parent / "README.md"
Result = Mapping[str, Any]
Results = Mapping[str, Result]


@dataclass(frozen=True)
class Goal:
    """A row of the table of goals."""

    figure: str
    result: str
    """The name of the result that holds it."""
    key: str | tuple[str, str]
    """Its name among that result's goals; or two rows of that result's table, whose ratio it is."""
    least: float | None = None
    most: float | None = None
    below: float | None = None
    """As `most`, but this very number misses the goal."""
    words: str | None = None
    """The goal, where its numbers alone do not tell it."""

    def __str__(self) -> str:
        if self.words:
            return self.words
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        limits = {"≥": self.least, "≤": self.most, "<": self.below}
        return " and ".join(f"{sign} {limit:g}" for sign, limit in limits.items() if limit is not None) or "–"

    def measured(self, results: Results) -> float | None:
        """The figure; None where there is none."""
        result = results.get(self.result, {})
        if isinstance(self.key, str):
            found: float | None = result.get("goals", {}).get(self.key)
            return found
        values = {row[0]: row[1] for row in result.get("rows", ())}
        one, other = (values.get(name) for name in self.key)
        return round(one / other, 2) if one and other else None

    def verdict(self, measured: float | None) -> str:
        """Whether it is met."""
        if measured is None or (self.least, self.most, self.below) == (None, None, None):
            return "–"
        met = (
            (self.least is None or measured >= self.least)
            and (self.most is None or measured <= self.most)
            and (self.below is None or measured < self.below)
        )
        return "met" if met else "**missed**"


_FOUR = "plain loop, FastStream, Quix Streams, MLServer, as people run them"
GOALS = [
    Goal(
        "pipeline / ceiling in bfloat16, at least once",
        "pipeline-bfloat16",
        "pipeline_to_ceiling_at_least_once",
        least=0.92,
    ),
    Goal("the same, exactly once", "pipeline-bfloat16", "pipeline_to_ceiling_exactly_once", least=0.88),
    Goal("ceiling / matrix products in bfloat16", "pipeline-bfloat16", "ceiling_to_matrix_peak", least=0.8),
    Goal(
        "pipeline / ceiling in float32, at least once",
        "pipeline-float32",
        "pipeline_to_ceiling_at_least_once",
        least=0.92,
    ),
    Goal("the same, exactly once", "pipeline-float32", "pipeline_to_ceiling_exactly_once", least=0.88),
    Goal("ceiling / matrix products in float32", "pipeline-float32", "ceiling_to_matrix_peak", least=0.8),
    Goal(f"worker / best of {_FOUR}, mixed lengths", "against-mixed", "worker_to_best_without_engine_plain", least=4),
    Goal("worker / Infinity's engine, as people run it, mixed lengths", "against-mixed", "worker_to_engine_plain"),
    Goal("worker / best of all five, tuned, mixed lengths", "against-mixed", "worker_to_best_peer_tuned", least=1.2),
    Goal(f"worker / best of {_FOUR}, one length", "against-uniform", "worker_to_best_without_engine_plain", least=4),
    Goal("worker / Infinity's engine, as people run it, one length", "against-uniform", "worker_to_engine_plain"),
    Goal("worker / best of all five, tuned, one length", "against-uniform", "worker_to_best_peer_tuned", least=1.2),
    Goal("p99 at 50 % load / (3 x a lone forward pass + 50 ms)", "latency", "p99_at_half_load_to_allowed", most=1),
    Goal("µs of CPU a record, exactly once", "client", "client_us_exactly_once", most=35),
    Goal("the same / the plain loop's, checksums in C", "client", "client_to_plain_loop", below=1),
    Goal("the same / librdkafka's", "client", ("worker, exactly_once", "librdkafka, exactly_once")),
    Goal(
        "throughput with 100,000 / with 10,000 records waiting",
        "backlog",
        "large_to_small_backlog",
        least=0.95,
        most=1.05,
    ),
    Goal("`serve` with 50 clients / forward pass", "serve", "serve_to_forward_pass", least=0.9),
    Goal("the same / the bare model in batches as large as they came together", "serve", "serve_to_bare_model"),
    Goal(
        "`serve`, p99 at half load / that of the bare model in batches of that size",
        "serve",
        "p99_to_bare_model",
        most=1.5,
    ),
    Goal("the same / that of the bare model with all clients in one batch", "serve", "p99_to_all_clients"),
    Goal("decoding a text in Avro / in JSON: id and text", "formats", "avro_to_json_id_and_text", most=1.5),
    Goal("the same: flat, five fields", "formats", "avro_to_json_flat", most=1.5),
    Goal("the same: nested", "formats", "avro_to_json_nested", most=1.5),
    Goal("growth of memory over 1,000,000 records, %", "memory", "growth_percent", most=0, words="no growth"),
    Goal("`EMOTION_PROCESSES=auto` / best", "processes", "auto_to_best", least=0.97),
    Goal("exactly once / at least once, a model that costs nothing", "delivery", "exactly_once_to_at_least_once"),
    Goal("share of the time that a made-up A100 is busy, 2 processes", "device", "device_busy"),
]
_SECTION = re.compile(r"(<!-- (?P<what>result [\w-]+|goals) -->\n).*?(<!-- end -->)", re.DOTALL)
_LINES = {"latency": (2, 3, 4), "memory": (1,)}  # columns over the first one; all else are bars of the second column
# The page's word for what the pipeline's result calls otherwise.
_WORDS = {"forward pass": "ceiling", "of the forward pass": "of the ceiling"}
_RATIOS_AS_GOALS = ("against", "client")  # whose own sentence is too short to be understood


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
    facts = (
        result["date"][:10],
        result["machine"],
        re.sub(", here$", " on the same machine", result["broker"]),
        f"system load before the run: {result['load_before']}",
        f"{rounds} {'round' if rounds == 1 else 'rounds'}",
        f"texts: {result['texts']}",
    )
    shown = (f"`{result['command']}`", "; ".join(facts), _found(name, result), _ratio(name, results))
    return "\n\n".join((*shown, f"![{name}](results/{name}.png)"))


def _found(name: str, result: Result) -> str:
    """The rows as a table; many that hardly differ as a sentence."""
    rows = result["rows"]
    if name == "memory":
        (least_at, least), (most_at, most) = (pick(rows, key=lambda row: row[1]) for pick in (min, max))
        return (
            f"{len(rows)} samples, one after every {rows[0][0]:,} records: {least} MiB at the least (after {least_at:,}"
            f" records), {most} MiB at the most (after {most_at:,})."
        )
    words = _WORDS if name.startswith("pipeline") else {}
    header, *lines = [[words.get(cell, cell) for cell in line] for line in (result["header"], *rows)]
    return _table(header, lines)


def _ratio(name: str, results: Results) -> str:
    """What the result is about, in a sentence, or in one for each of its goals."""
    own = [f"- {goal.figure}: {goal.measured(results)}" for goal in GOALS if goal.result == name]
    ratio: str = results[name]["ratio"]
    return "\n".join(own) if name.split("-")[0] in _RATIOS_AS_GOALS else ratio


def _goals(results: Results) -> str:
    rows = []
    for goal in GOALS:
        measured = goal.measured(results)
        missing = "not measured" if goal.result in results else "not measured yet"
        name = goal.result.split("-")[0]
        shown = missing if measured is None else measured
        rows.append((goal.figure, goal, shown, goal.verdict(measured), f"`{name}`"))
    return _table(("figure", "goal", "measured", "verdict", "benchmark"), rows)


def _table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    main()
