"""`python -m tests.chaos.report FILE`: the result of a run as a table."""

import json
import sys
from pathlib import Path

_COLUMNS = ("records", "faults", "lost", "duplicated", "reordered", "aborted_visible", "torn", "max_recovery_seconds")


def table(result: dict[str, dict[str, object]]) -> str:
    """A row for each fault in each mode, and one for the whole mode."""
    lines = [
        f"| mode | fault | {' | '.join(column.replace('_', ' ') for column in _COLUMNS)} | other |",
        "| --- | --- |" + " ---: |" * len(_COLUMNS) + " --- |",
    ]
    for mode, report in result.items():
        by_fault = report["by_fault"]
        assert isinstance(by_fault, dict)
        for name, row in [*by_fault.items(), ("**all**", report)]:
            other = ", ".join(f"{kind} {count}" for kind, count in row["other"].items()) or "–"
            lines.append(f"| {mode} | {name} | {' | '.join(str(row[column]) for column in _COLUMNS)} | {other} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
