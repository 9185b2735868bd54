"""docker/KUBERNETES_TRIAL.md: what came of the trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.kube.binaries import KEDA_VERSION, KUBERNETES_VERSION, PROMETHEUS_OPERATOR_VERSION


@dataclass(frozen=True)
class Outcome:
    """Of one trial."""

    done: str
    seen: str
    seconds: float


def page(outcomes: Sequence[Outcome]) -> str:
    """The page."""
    return ""
