"""Values as Grafana writes them, for the units that the dashboard uses."""

from collections.abc import Callable

_STEPS = ("", " K", " Mil", " Bil")
_COUNT_STEPS = ("", "K", "M", "B")


def formatted(value: float, unit: str) -> str:
    """A value with its unit.

    Raises:
        KeyError: nobody has said yet what this unit looks like.
    """
    if unit.startswith("count:"):
        return f"{_scaled(value, 1000, _COUNT_STEPS)} {unit.removeprefix('count:')}"
    return _FORMATS[unit](value)


def _scaled(value: float, factor: int, steps: tuple[str, ...]) -> str:
    step = 0
    while abs(value) >= factor and step < len(steps) - 1:
        value, step = value / factor, step + 1
    return f"{value:.3g}{steps[step]}"


def _seconds(value: float) -> str:
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "mins"), (1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return "0 s"


_FORMATS: dict[str, Callable[[float], str]] = {
    "short": lambda value: _scaled(value, 1000, _STEPS),
    "s": _seconds,
    "percentunit": lambda value: f"{value * 100:.3g}%",
    "bytes": lambda value: _scaled(value, 1024, (" B", " KiB", " MiB", " GiB")),
    "reqps": lambda value: f"{_scaled(value, 1000, _COUNT_STEPS)} req/s",
}
