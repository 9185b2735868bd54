"""`make pages`: the tables in the documents that are made from the code."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from schemas.dead_letter import Reason
from worker.observe import log_events, metrics
from worker.settings import listing
from worker.settings.all_settings import GROUPS

ROOT = Path(__file__).parents[1]


def reasons() -> str:
    """The reasons of dead letters."""
    rows = [f"| `{reason}` | {reason.meaning} |" for reason in Reason]
    return "\n".join(["| reason | meaning |", "| --- | --- |", *rows])


TABLES: list[tuple[str, Callable[[], str]]] = [
    ("docker/OBSERVABILITY.md", metrics.markdown_table),
    ("docker/OBSERVABILITY.md", log_events.markdown_table),
    ("schemas/README.md", reasons),
    *[("worker/SETTINGS.md", partial(listing.markdown_table, group)) for group in GROUPS],
]


def render(page: str, table: str) -> str:
    """The page with this table in place of the one under the same heading or, without one, of the same columns."""
    first, *_ = table.splitlines()
    before, found, rest = page.partition(first + "\n")
    if not found:
        raise ValueError(f"the page has no line {first!r}")
    lines = rest.splitlines(keepends=True)
    rows = [number for number, line in enumerate(lines) if line.startswith("|")]
    end = next(number for number in range(rows[0], len(lines) + 1) if number == len(lines) or number not in rows)
    return before + table + "\n" + "".join(lines[end:])


def main() -> None:
    for name, table in TABLES:
        path = ROOT / name
        path.write_text(render(path.read_text(encoding="utf-8"), table()), encoding="utf-8")


if __name__ == "__main__":
    main()
