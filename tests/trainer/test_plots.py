"""The pictures of the report, for label names and figures that are out of the ordinary."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from trainer.evaluation import Outputs
from trainer.plots import write_plots

TAB_BLUE = (31, 119, 180)


def draw(folder: Path, names: Sequence[str], spread: float = 1) -> None:
    ids = np.arange(60) % len(names)
    logits = 3 * np.eye(len(names))[ids] + spread * np.random.default_rng(1).normal(size=(60, len(names)))
    outputs = Outputs(logits, features=None, tokens=np.full(60, 5), unknown_tokens=0)
    history = [{"step": 1, "eval_loss": 1.0, "eval_accuracy": 0.5, "eval_macro_f1": 0.5}]
    write_plots(folder, outputs, ids, names, None, None, history)


def test_every_name_of_a_label_is_drawn_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plt, "close", lambda _: None)
    names = ["$a_{$", "$x$", "_none", "US$"]

    draw(tmp_path, names)

    by_title = {axes.get_title(): axes for number in plt.get_fignums() for axes in plt.figure(number).axes}
    monkeypatch.undo()
    plt.close("all")
    legend = by_title["Scores by predicted label"].get_legend()
    assert legend is not None
    ticks = by_title["Where the texts of each label go (shares of a row)"].get_xticklabels()
    for texts in (legend.get_texts(), ticks):
        # matplotlib draws an escaped dollar as a dollar, and two that are not as mathematics.
        assert [text.get_text().replace(r"\$", "$") for text in texts] == names
        assert all(text.get_text().count("$") == text.get_text().count(r"\$") for text in texts)


def test_a_coverage_curve_of_one_point_is_seen(tmp_path: Path) -> None:
    draw(tmp_path, ["joy", "anger"], spread=0)

    with Image.open(tmp_path / "coverage.png") as picture:
        assert TAB_BLUE in {color for _, color in picture.convert("RGB").getcolors(1 << 20) or ()}
