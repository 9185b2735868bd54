"""The picture of the domains side by side."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from trainer.evaluation.calibration import Labelled, judged, reliability
from trainer.evaluation.weighted_ece import BINS
from trainer.report.plots import FEW, STYLE, drawn

_WIDTH, _HEIGHT = 3.6, 3.9  # of a panel, in inches


def write_reliability(folder: Path, splits: Mapping[str, Labelled]) -> None:
    """Draws `domains.png`: how far the scores of the model as stored can be believed in each domain.

    Args:
        folder: Where the PNG file goes.
        splits: What the model makes of each domain, by name.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(splits), figsize=(_WIDTH * len(splits), _HEIGHT), sharey=True, squeeze=False, layout="constrained"
        )
        for number, (axes, (name, labelled)) in enumerate(zip(panels[0], splits.items(), strict=True)):
            _panel(axes, labelled)
            axes.set_title(drawn(name, f"domain {number}"))
        panels[0][0].set_ylabel("accuracy; share of texts")
        figure.savefig(folder / "domains.png")
        plt.close(figure)


def _panel(axes: Axes, labelled: Labelled) -> None:
    logits, ids = labelled
    counts, score, accuracy = reliability(*judged(logits, ids))
    told = counts >= min(FEW, counts.max())
    axes.bar((np.arange(BINS) + 0.5) / BINS, counts / len(ids), width=0.9 / BINS, color="0.85")
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":")
    axes.plot(score[told], accuracy[told], "o-", color="tab:blue")
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="score of the label")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
