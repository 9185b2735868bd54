"""The project's rules, in a hurry."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

FILE = Path(__file__).parents[2] / "docker/prometheus/alerts.yml"
_SECONDS = {"s": 1, "m": 60, "h": 3600}
# How long a condition must last, and the windows and steps of what it looks back at. No threshold is among them.
_DURATION = re.compile(r"(?<=for: )(\d+)([smh])\b|(?<=[\[:])(\d+)([smh])(?=[\]:])")


def faster(rules: str, factor: int) -> str:
    """The same rules with every `for` and every window divided by `factor`, to whole seconds, 1 s at least."""

    def divided(found: re.Match[str]) -> str:
        count, unit = found[1] or found[3], found[2] or found[4]
        return f"{max(1, round(Fraction(int(count) * _SECONDS[unit], factor)))}s"

    return _DURATION.sub(divided, rules)


def alerts(rules: str) -> dict[str, dict[str, Any]]:
    """Each rule by the name of its alert."""
    return {rule["alert"]: rule for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]}
