"""docker/KUBERNETES_TRIAL.md: what came of the trials."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """Of one trial."""

    done: str
    seen: str
    seconds: float


def page(outcomes: Sequence[Outcome]) -> str:
    """The page."""
    return ""
