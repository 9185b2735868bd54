"""What a metric is: how it is documented, and how it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from prometheus_client import Counter, Gauge, Histogram

Kind = TypeVar("Kind", Counter, Gauge, Histogram)
Scope = Literal["loop", "service", "serve", "challenge"]


@dataclass(frozen=True, eq=False)
class Metric(Generic[Kind]):
    """A metric as it is documented and made.

    `scope`: of each loop, of whoever serves /metrics once, of `serve`, or of a challenger.
    """

    kind: type[Kind]
    name: str
    unit: str
    meaning: str
    action: str
    labels: tuple[str, ...] = ()
    scope: Scope = "loop"
    options: Mapping[str, Any] = field(default_factory=dict)


def info(name: str, meaning: str, action: str, labels: tuple[str, ...]) -> Metric[Gauge]:
    """A metric that says something by its labels alone."""
    return Metric(Gauge, name, "1", f"Always 1: {meaning}", action, labels, options={"multiprocess_mode": "livemax"})
