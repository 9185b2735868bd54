"""The panels as a contact sheet: near enough to Grafana's to see whether units, legends and ranges make sense."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from tests.dashboard.panels import Answer, Panel
from tests.dashboard.units import formatted

_COLUMNS = 24
_INCHES = (0.5, 0.27)  # of a cell of the dashboard's grid
_MAX_LEGENDS = 12


def draw(answers: Sequence[Answer], since: float, file: Path) -> None:
    """Write the picture; each panel stands where the dashboard has it."""
    by_panel: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_panel[answer.panel.title].append(answer)
    lines = 1 + max(
        answer.panel.place["y"] + answer.panel.place["h"] for answer in answers
    )  # 1 for the uppermost title
    width, height = _COLUMNS * _INCHES[0], lines * _INCHES[1]
    figure = plt.figure(figsize=(width, height), dpi=70)
    for of_panel in by_panel.values():
        at = of_panel[0].panel.place
        box = (at["x"] / _COLUMNS, 1 - (1 + at["y"] + at["h"]) / lines, at["w"] / _COLUMNS, at["h"] / lines)
        left, low, wide, high = box
        axes = figure.add_axes((left + 0.15 * wide, low + 0.12 * high, 0.8 * wide, 0.72 * high))
        _panel(axes, of_panel[0].panel, of_panel, since)
    figure.savefig(file)
    plt.close(figure)


def _panel(axes: Axes, panel: Panel, answers: Sequence[Answer], since: float) -> None:
    axes.set_title(panel.title, fontsize=9)
    series = [line for answer in answers for line in answer.series if line.points]
    if panel.kind != "timeseries" or not series:
        axes.set_axis_off()
        said = [line.legend if panel.kind == "table" else formatted(line.points[-1][1], panel.unit) for line in series]
        axes.text(0, 0.5, "\n".join(said) or "No data", fontsize=6 if panel.kind == "table" else 16, va="center")
        return
    if panel.is_share:
        moments = sorted({at for line in series for at, _ in line.points})
        values = np.array([[dict(line.points).get(at, 0) for at in moments] for line in series])
        shares = values / np.maximum(values.sum(axis=0), 1e-9)
        axes.stackplot([at - since for at in moments], shares, labels=[line.legend for line in series])
    else:
        for line in series:
            seconds = [at - since for at, _ in line.points]
            axes.plot(seconds, [value for _, value in line.points], linewidth=1, label=line.legend)
    unit = "percentunit" if panel.is_share else panel.unit
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: formatted(value, unit)))
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    handles, legends = axes.get_legend_handles_labels()
    axes.legend(handles[:_MAX_LEGENDS], legends[:_MAX_LEGENDS], fontsize=6, loc="upper left", ncols=2)
