"""The pictures beside the page on a stream: each text counts by its weight."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from sklearn.metrics import ConfusionMatrixDisplay

from trainer.evaluation.stream_figures import StreamFigures
from trainer.evaluation.stream_sample import StreamSample
from trainer.evaluation.weighted_ece import BINS
from trainer.evaluation.weighted_share import weighted_share
from trainer.report.plots import FEW, drawn, save

_PERCENT = PercentFormatter(1, decimals=0)


def write_review_plots(folder: Path, sample: StreamSample, figures: StreamFigures) -> list[str]:
    """Draws figures with their intervals, confusions and, where there are scores, how far these can be believed.

    Returns:
        The names of the PNG files, without `.png`.
    """
    pictures: dict[str, Callable[[Axes], None]] = {
        "intervals": lambda axes: _intervals(axes, figures),
        "confusion": lambda axes: _confusion(axes, sample),
    }
    if "ECE" in figures.figures:
        pictures["reliability"] = lambda axes: _reliability(axes, sample)
    for name, draw in pictures.items():
        save(folder / f"{name}.png", draw, (7, 6) if name == "confusion" else (7, 4.5))
    return list(pictures)


def _intervals(axes: Axes, figures: StreamFigures) -> None:
    found = list(figures.figures.items())[::-1]
    values, low, high = np.array([(each.value, each.low, each.high) for _, each in found]).T
    axes.errorbar(values, range(len(found)), xerr=np.array([values - low, high - values]), fmt="o", capsize=4)
    axes.set_yticks(range(len(found)), [name for name, _ in found])
    axes.set(title="On the stream, with 95 % intervals", xlim=(0, 1.01))
    axes.xaxis.set_major_formatter(_PERCENT)


def _confusion(axes: Axes, sample: StreamSample) -> None:
    names = [drawn(name, f"label {index}") for index, name in enumerate(sample.labels)]
    counts = (sample.truth * sample.weights[:, None]).T @ sample.given
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    ConfusionMatrixDisplay(shares, display_labels=names).plot(
        values_format=".1%", cmap="Blues", colorbar=False, xticks_rotation=45, ax=axes, im_kw={"vmin": 0, "vmax": 1}
    )
    axes.grid(visible=False)
    title = "Where the texts of each label go (shares of a row)"
    axes.set(title=title, xlabel="label of the model", ylabel="label of people")


def _reliability(axes: Axes, sample: StreamSample) -> None:
    scores = np.array([review.draw.score for review in sample.reviews], float)
    right = (sample.truth * sample.given).sum(axis=1)
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", label="scores that mean what they say")
    told = [number for number in range(BINS) if (bins == number).sum() >= FEW]
    found = [_point(sample.weights, scores, right, bins == number) for number in told]
    if found:
        score, share, low, high = np.array(found).T
        axes.errorbar(score, share, yerr=np.array([share - low, high - share]), fmt="o-", capsize=3, label="stream")
    kept = np.bincount(bins, sample.weights, minlength=BINS) / sample.weights.sum()
    axes.bar((np.arange(BINS) + 0.5) / BINS, kept, width=0.9 / BINS, color="0.85", label="share of the stream")
    axes.text(0.02, 0.96, f"points of fewer than {FEW} answers are left out", fontsize="small", color="0.4")
    axes.set(title="Reliability on the stream", xlabel="score of the label", ylabel="share right; share of the stream")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(_PERCENT)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False)


def _point(weights: NDArray[Any], scores: NDArray[Any], right: NDArray[Any], chosen: NDArray[Any]) -> tuple[float, ...]:
    """Returns mean score and share right, with its interval, of the texts that are chosen; there are some."""
    share = weighted_share(weights[chosen], right[chosen])
    score = float(np.average(scores[chosen], weights=weights[chosen]))
    return (score, share.value, share.low, share.high) if share else (score, 0.0, 0.0, 0.0)
