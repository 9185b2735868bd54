"""The pictures of a model whose labels each stand for themselves."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from scipy.special import expit

from schemas.label_fit import LabelFits
from schemas.manifest import SplitMetrics
from trainer.evaluation.assessment import Assessment
from trainer.evaluation.calibration import reliability
from trainer.evaluation.label_fitting import cross_fitted
from trainer.evaluation.weighted_ece import BINS
from trainer.report.plots import FEW, draw_lengths, draw_training, drawn, save

PICTURES = ("training", "labels", "confusion", "reliability", "lengths")
_INCHES_PER_LABEL = 0.26
_MOST_WITH_NUMBERS = 12
"""Of more labels, the cells of the confusion have no room for numbers."""


def write_label_plots(
    folder: Path, fits: LabelFits | None, assessment: Assessment, log_history: Sequence[dict[str, float]]
) -> None:
    """Draws what the model as stored makes of validation, and how it was trained.

    Args:
        folder: Where the PNG files go.
        fits: How scores and thresholds were fitted; None where they were not.
        assessment: What was measured on validation.
        log_history: What the Trainer logged.
    """
    names = [drawn(name, f"label {index}") for index, name in enumerate(assessment.metrics.labels)]
    right, logits = assessment.right >= 0.5, assessment.outputs.logits
    given = assessment.rule.given(assessment.rule.scores(logits))
    tall = 1.6 + _INCHES_PER_LABEL * len(names)
    draws: Mapping[str, tuple[Callable[[Axes], None], tuple[float, float]]] = {
        "training": (lambda axes: draw_training(axes, log_history, "all labels right"), (7, 4.5)),
        "labels": (lambda axes: _labels(axes, assessment.metrics, names), (7, tall)),
        "confusion": (lambda axes: _confusion(axes, right, given, names), (2 + tall, 1 + tall)),
        "reliability": (lambda axes: _reliability(axes, _kinds(logits, right, fits), right), (7, 4.5)),
        "lengths": (lambda axes: draw_lengths(axes, assessment.outputs.tokens), (7, 4.5)),
    }
    for name in PICTURES:
        save(folder / f"{name}.png", *draws[name])


def _labels(axes: Axes, metrics: SplitMetrics, names: Sequence[str]) -> None:
    """Draws F1 as bars, the best label first, with precision and recall as marks on them."""
    figures = list(metrics.labels.values())
    order = sorted(range(len(figures)), key=lambda label: figures[label].f1)
    rows = np.arange(len(order))
    axes.barh(rows, [figures[label].f1 for label in order], color="tab:blue", alpha=0.45, label="F1")
    precision, recall = zip(*((figures[label].precision, figures[label].recall) for label in order), strict=True)
    axes.plot(precision, rows, "|", color="tab:orange", markersize=9, markeredgewidth=2, label="precision")
    axes.plot(recall, rows, "o", color="tab:green", markersize=4, label="recall")
    axes.axvline(metrics.macro_f1, color="black", linestyle="--", label=f"macro-F1 {metrics.macro_f1:.3f}")
    axes.set_yticks(rows, [f"{names[label]} ({figures[label].support:,})" for label in order])
    axes.set(title="Labels at their thresholds (texts that have them)", xlim=(0, 1.01), ylim=(-0.6, len(order) - 0.4))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.grid(visible=False, axis="y")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.8 / len(order) - 0.02), ncols=4, frameon=False)


def _confusion(axes: Axes, right: NDArray[np.bool_], given: NDArray[np.bool_], names: Sequence[str]) -> None:
    """Draws which labels the texts of each label are given; the last column holds those that are given none."""
    told = np.column_stack([given, ~given.any(axis=1)])
    shares = right.T.astype(float) @ told / np.maximum(right.sum(axis=0), 1)[:, None]
    shares[~right.any(axis=0)] = np.nan  # no text has it, and so no share of them goes anywhere
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    columns = [*names, "(none)"]
    axes.set_yticks(range(len(names)), names)
    if len(names) <= _MOST_WITH_NUMBERS:
        axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
        for (row, column), share in np.ndenumerate(shares):
            text, color = "–" if np.isnan(share) else f"{share:.0%}", "white" if share > 0.5 else "black"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize="small")
    else:
        axes.set_xticks(range(len(columns)), columns, rotation=90)
        plt.colorbar(image, ax=axes, format=PercentFormatter(1, decimals=0), pad=0.01)
    axes.grid(visible=False)
    axes.set_title("Labels given to the texts of each label (shares of a row)")
    axes.set(xlabel="label given", ylabel="right label")


def _kinds(logits: NDArray[Any], right: NDArray[np.bool_], fits: LabelFits | None) -> dict[str, NDArray[Any]]:
    """Returns the scores to show, by what they are: as trained, and where they were calibrated, by the other half."""
    if fits is None or not fits.is_calibrated:
        return {"as trained": expit(logits)}
    each = list(fits.labels.values())
    scale, shift = np.array([[label.scale, label.shift] for label in each]).T
    trained = (logits - shift) / scale
    own = np.array([not label.shared for label in each])
    held_out, _ = cross_fitted(trained, right, own, (True, bool(shift.any())))
    return {"as trained": expit(trained), "calibrated (cross-fitted)": expit(held_out)}


def _reliability(axes: Axes, kinds: Mapping[str, NDArray[Any]], right: NDArray[np.bool_]) -> None:
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", label="scores that mean what they say")
    for (label, scores), style in zip(kinds.items(), ("s--", "o-"), strict=False):
        counts, score, share = reliability(scores.ravel(), right.ravel())
        few = min(FEW, counts.max())
        axes.plot(score[counts >= few], share[counts >= few], style, label=label)
    axes.set_title("Reliability on validation, over each label of each text")
    axes.set_xlabel(f"score of a label (points of fewer than {few} scores are left out)")
    axes.set(ylabel="share of them that are right", xlim=(0, 1), ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    counted = axes.twinx()
    counted.bar((np.arange(BINS) + 0.5) / BINS, counts, width=0.9 / BINS, color="0.85", label="scores (right axis)")
    counted.set(yscale="log", ylabel="scores (logarithmic)")
    counted.grid(visible=False)
    axes.set_zorder(counted.get_zorder() + 1)
    axes.patch.set_visible(False)
    handles = [*axes.get_legend_handles_labels()[0], *counted.get_legend_handles_labels()[0]]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False)
