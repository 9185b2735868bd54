"""`python -m tests.kube`: the Kubernetes manifests on a real API server; writes docker/KUBERNETES_TRIAL.md.

The first run builds Kubernetes and KEDA from their Go modules: half an hour of two cores, 8 GB below Go's own folders.
The exit code is 1 if a trial failed. `--only NAME`, several times if you like, makes these alone and prints the page.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.kube.control_plane import ControlPlane
from tests.kube.page import Outcome, page
from tests.kube.trials import TRIALS

PAGE = Path(__file__).parents[2] / "docker/KUBERNETES_TRIAL.md"


def main() -> int:
    """Run; 1 if something was not as it should be."""
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="kube-") as scratch, ControlPlane(Path(scratch)) as cluster:
        for trial in TRIALS:
            begun = time.monotonic()
            seen = trial(cluster, Path(scratch))
            outcomes.append(Outcome(" ".join((trial.__doc__ or "").split()), seen, time.monotonic() - begun))
            print(outcomes[-1], file=sys.stderr, flush=True)
    PAGE.write_text(page(outcomes), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
