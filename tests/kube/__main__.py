"""`python -m tests.kube`: the Kubernetes manifests on a real API server; writes docker/KUBERNETES_TRIAL.md.

The first run builds Kubernetes and KEDA from their Go modules: needs Go, some 40 minutes of two cores and 8 GB. The
exit code is 1 if a trial failed; the page is written only if none did.
"""

import sys
import tempfile
import time
from pathlib import Path

from tests.kube.control_plane import ControlPlane
from tests.kube.page import Outcome, page
from tests.kube.scaling import scaling, turning_on
from tests.kube.trials import TRIALS, warnings

PAGE = Path(__file__).parents[2] / "docker/KUBERNETES_TRIAL.md"


def main() -> int:
    """Run; 1 if something was not as it should be."""
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="kube-") as scratch, ControlPlane(Path(scratch)) as cluster:
        for trial in (*TRIALS, turning_on, scaling, warnings):
            begun = time.monotonic()
            try:
                seen = trial(cluster, Path(scratch))
            except AssertionError as error:
                print(f"{trial.__name__}: {error}", file=sys.stderr)
                return 1
            outcomes.append(Outcome(" ".join((trial.__doc__ or "").split()), seen, time.monotonic() - begun))
            print(outcomes[-1], file=sys.stderr, flush=True)
    PAGE.write_text(page(outcomes), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
