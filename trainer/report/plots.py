"""The pictures of the report."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import ConfusionMatrixDisplay

from trainer.evaluation.calibration import (
    Labelled,
    divided_by_halves,
    judged,
    reliability,
    temperatures_of_halves,
)
from trainer.evaluation.confidence import ACCURACY_GOAL, coverage_curve
from trainer.evaluation.outputs import Outputs
from trainer.evaluation.weighted_ece import BINS

STYLE: Any = {"axes.grid": True, "axes.axisbelow": True, "grid.alpha": 0.3, "figure.dpi": 110, "savefig.bbox": "tight"}
FEW = 10
"""Of fewer texts an accuracy is noise."""
_PERCENT = PercentFormatter(1, decimals=0)


def write_plots(
    folder: Path,
    outputs: Outputs,
    ids: NDArray[Any],
    names: Sequence[str],
    temperature: float | None,
    confident_score: float | None,
    log_history: Sequence[dict[str, float]],
    further: Sequence[Labelled] = (),
) -> list[str]:
    """Draws what the model as stored makes of validation, and how it was trained.

    Args:
        folder: Where the PNG files go.
        outputs: Of the validation split.
        ids: The right label of each of its texts, of shape [texts].
        names: Label names in id order.
        temperature: What the logits were divided by; None where they are as trained.
        confident_score: The threshold, where there is one.
        log_history: What the Trainer logged.
        further: What the model makes of the further splits that the temperature was fitted on.

    Returns:
        The names of the files.
    """
    pictures: dict[str, Callable[[Axes], None]] = {"training": lambda axes: draw_training(axes, log_history)}
    pictures |= _pictures_of_outputs(outputs, ids, names, temperature, confident_score, further)
    for name, draw in pictures.items():
        save(folder / f"{name}.png", draw, (7, 6) if name == "confusion" else (7, 4.5))
    return [f"{name}.png" for name in pictures]


def save(file: Path, draw: Callable[[Axes], None], inches: tuple[float, float]) -> None:
    """Draws one picture, of a width and a height, into a PNG file."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=inches)
        draw(axes)
        figure.savefig(file)
        plt.close(figure)


def _pictures_of_outputs(
    outputs: Outputs,
    ids: NDArray[Any],
    names: Sequence[str],
    temperature: float | None,
    confident_score: float | None,
    further: Sequence[Labelled],
) -> Mapping[str, Callable[[Axes], None]]:
    """Returns what draws each picture, by its name; the arguments are those of `write_plots`."""
    probabilities = softmax(outputs.logits.astype(np.float64), axis=1)
    scores, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    kinds = {"as trained": outputs.logits * (temperature or 1)}
    if temperature is not None:
        splits = [(logits * temperature, right) for logits, right in ((outputs.logits, ids), *further)]
        kinds["calibrated (cross-fitted)"] = divided_by_halves(splits[0][0], temperatures_of_halves(*splits))
    names = [drawn(name, f"label {index}") for index, name in enumerate(names)]
    return {
        "confusion": lambda axes: _confusion(axes, ids, predicted, names),
        "reliability": lambda axes: _reliability(axes, kinds, ids),
        "coverage": lambda axes: _coverage(axes, scores, predicted == ids, confident_score),
        "scores": lambda axes: _scores(axes, scores, predicted, names, confident_score),
        "lengths": lambda axes: draw_lengths(axes, outputs.tokens),
    }


def drawn(name: str, otherwise: str) -> str:
    """Returns what is drawn as a name; something else where the font lacks a letter, which would become a box."""
    font = get_font(findfont(FontProperties()))
    if not all(font.get_char_index(ord(letter)) for letter in name):
        return otherwise
    return name.replace("$", r"\$")  # two dollars would make matplotlib read it as mathematics


def draw_training(axes: Axes, log_history: Sequence[dict[str, float]], accuracy: str = "accuracy") -> None:
    """Draws losses and figures over the steps that the Trainer logged; `accuracy` is what that share is called."""
    steps = [(entry["step"], entry["loss"]) for entry in log_history if "loss" in entry]
    checks = [entry for entry in log_history if "eval_loss" in entry]
    at = [entry["step"] for entry in checks]
    if steps:
        x, losses = np.array(steps).T
        window = max(1, len(losses) // 50)
        smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
        style = "o-" if len(smooth) == 1 else "-"  # a line of one point would not be seen
        axes.plot(x[window - 1 :], smooth, style, color="0.6", label=f"training loss (mean of {window} log entries)")
    axes.plot(at, [entry["eval_loss"] for entry in checks], "o-", color="tab:blue", label="validation loss")
    axes.set(title="Training", xlabel="optimizer step", ylabel="loss (nats)")
    axes.set_ylim(bottom=0)
    shares = axes.twinx()
    shares.grid(visible=False)
    for name, shown, color in (("accuracy", accuracy, "tab:green"), ("macro_f1", "macro-F1", "tab:orange")):
        label = f"validation {shown} (right axis)"
        shares.plot(at, [entry[f"eval_{name}"] for entry in checks], "s--", color=color, label=label)
    shares.set_ylabel("share")
    shares.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    handles = [*axes.get_legend_handles_labels()[0], *shares.get_legend_handles_labels()[0]]
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False)


def _confusion(axes: Axes, ids: NDArray[Any], predicted: NDArray[Any], names: Sequence[str]) -> None:
    display = ConfusionMatrixDisplay.from_predictions(
        ids,
        predicted,
        labels=range(len(names)),
        display_labels=names,
        normalize="true",
        values_format=".1%",
        cmap="Blues",
        colorbar=False,
        xticks_rotation=45,
        ax=axes,
        im_kw={"vmin": 0, "vmax": 1},
    )
    for label in set(range(len(names))) - set(ids.tolist()):  # no text has it, and so no share of them goes anywhere
        for shown in display.text_[label]:
            shown.set_text("–")
    axes.grid(visible=False)
    axes.set(title="Where the texts of each label go (shares of a row)", xlabel="predicted label", ylabel="label")


def _reliability(axes: Axes, kinds: Mapping[str, NDArray[Any]], ids: NDArray[Any]) -> None:
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":", label="scores that mean what they say")
    for (label, logits), style in zip(kinds.items(), ("s--", "o-"), strict=False):
        counts, score, accuracy = reliability(*judged(logits, ids))
        few = min(FEW, counts.max())
        told = counts >= few
        axes.plot(score[told], accuracy[told], style, label=label)
    axes.bar((np.arange(BINS) + 0.5) / BINS, counts / len(ids), width=0.9 / BINS, color="0.85", label="share of texts")
    axes.set(title="Reliability on validation", xlabel="score of the label", ylabel="accuracy; share of texts")
    axes.text(0.02, 0.96, f"points of fewer than {few} texts are left out", fontsize="small", color="0.4")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(_PERCENT)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, frameon=False)


def _coverage(axes: Axes, scores: NDArray[Any], right: NDArray[Any], confident_score: float | None) -> None:
    _, coverage, accuracy = coverage_curve(scores, right)
    told = coverage * len(scores) >= min(20, len(scores))  # of a few texts an accuracy is noise
    # A line of one point would not be seen.
    axes.plot(coverage[told], accuracy[told], "o-" if told.sum() == 1 else "-", color="tab:blue")
    axes.axhline(ACCURACY_GOAL, color="0.5", linestyle=":", label=f"goal {ACCURACY_GOAL:.0%}")
    if confident_score is not None:
        kept = scores >= confident_score
        label = f"threshold {confident_score:.3f}: {kept.mean():.1%} kept, {right[kept].mean():.1%} right"
        axes.plot(kept.mean(), right[kept].mean(), "o", color="tab:red", label=label)
    axes.set(
        title="What a threshold on the score buys", xlabel="texts kept (coverage)", ylabel="accuracy of those kept"
    )
    axes.set_xlim(0, 1.01)
    axes.xaxis.set_major_formatter(_PERCENT)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.legend(loc="lower left")


def _scores(
    axes: Axes, scores: NDArray[Any], predicted: NDArray[Any], names: Sequence[str], confident_score: float | None
) -> None:
    by_label = [scores[predicted == label] for label in range(len(names))]
    bins = np.linspace(0, 1, 21).tolist()
    # Lines, because stacked bars on a logarithmic axis would make the lowest label look the largest. Each is thinner
    # than the last, so that those behind it are seen where they coincide.
    widths = np.linspace(min(1.5 + 0.7 * len(names), 7), 1.5, len(names))
    drawn: list[Any] = [
        axes.hist(own, bins=bins, histtype="step", linewidth=width)[2]
        for own, width in zip(by_label, widths, strict=True)
    ]
    handles = [line for (line,) in drawn]
    if confident_score is not None:
        handles.append(axes.axvline(confident_score, color="black", linestyle="--"))
        names = [*names, f"threshold {confident_score:.3f}"]
    axes.set(title="Scores by predicted label", xlabel="score of the label", ylabel="texts (logarithmic)", yscale="log")
    # Given beside their lines, because a line whose own label begins with an underscore is left out.
    axes.legend(handles, names, loc="upper left", fontsize="small")


def draw_lengths(axes: Axes, tokens: NDArray[Any]) -> None:
    """Draws how many texts have how many tokens."""
    width = int(np.ptp(tokens)) // 40 + 1  # whole tokens, or some bars would hold more lengths than others
    axes.hist(tokens, bins=(np.arange(tokens.min(), tokens.max() + width + 1, width) - 0.5).tolist(), color="tab:blue")
    axes.axvline(np.median(tokens), color="black", linestyle="--", label=f"median {np.median(tokens):.0f}")
    axes.set(title="Length of the validation texts", xlabel="tokens, special ones included", ylabel="texts")
    axes.legend()
