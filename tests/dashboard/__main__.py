"""`python -m tests.dashboard`: asks a live Prometheus every question of the dashboard.

Some five minutes. Writes docker/DASHBOARD_TRIAL.md, and the picture of all panels to docker/grafana/dashboard.png. The
exit code is 1 if something is wrong with an answer; the page says what can be.
"""

import sys
import tempfile
from pathlib import Path

from tests.alerts.__main__ import live_stack
from tests.dashboard.life import live
from tests.dashboard.page import page, problems
from tests.dashboard.panels import ask
from tests.dashboard.picture import draw

DOCKER = Path(__file__).parents[2] / "docker"


def main() -> int:
    """Run; 1 if something was not as it should be."""
    with tempfile.TemporaryDirectory(prefix="dashboard-") as scratch, live_stack(Path(scratch), factor=1) as stack:
        day = live(stack)
        answers = ask(stack.prometheus, day.since, day.until)
    draw(answers, day.since, DOCKER / "grafana/dashboard.png")
    (DOCKER / "DASHBOARD_TRIAL.md").write_text(page(answers, day), encoding="utf-8")
    found = list(problems(answers, day))
    print(*found, sep="\n", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
