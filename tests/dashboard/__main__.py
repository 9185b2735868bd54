"""`python -m tests.dashboard`: asks a live Prometheus every question of the dashboard; writes docker/DASHBOARD_TRIAL.md.

Some three minutes. The picture of all panels goes to docker/grafana/dashboard.png. The exit code is 1 if a question had
no answer, nothing but zeros, or lines that cannot be told apart.
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
        since, until = live(stack)
        answers = ask(stack.prometheus, since, until)
    draw(answers, since, DOCKER / "grafana/dashboard.png")
    (DOCKER / "DASHBOARD_TRIAL.md").write_text(page(answers, until - since), encoding="utf-8")
    found = problems(answers)
    print(*found, sep="\n", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
