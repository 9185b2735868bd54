"""The pictures of the report, for label names and figures that are out of the ordinary."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from trainer.evaluation.outputs import Outputs
from trainer.report.plots import write_plots

TAB_BLUE = (31, 119, 180)
GREY = (153, 153, 153)  # of the training loss


def draw(folder: Path, names: Sequence[str], spread: float = 1, seen: int | None = None) -> None:
    """As a training of one step; only the first `seen` labels have texts."""
    ids = np.arange(60) % (seen or len(names))
    logits = 3 * np.eye(len(names))[ids] + spread * np.random.default_rng(1).normal(size=(60, len(names)))
    outputs = Outputs(logits, features=None, tokens=np.full(60, 5), unknown_tokens=0)
    history = [{"step": 1, "loss": 1.2}, {"step": 1, "eval_loss": 1.0, "eval_accuracy": 0.5, "eval_macro_f1": 0.5}]
    write_plots(folder, outputs, ids, names, None, None, history)


@pytest.fixture
def titled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Axes]]:
    """The picture with a title, of those drawn."""
    monkeypatch.setattr(plt, "close", lambda _: None)
    yield lambda title: next(
        axes for number in plt.get_fignums() for axes in plt.figure(number).axes if axes.get_title() == title
    )
    monkeypatch.undo()
    plt.close("all")


CONFUSION = "Where the texts of each label go (shares of a row)"


def test_every_name_of_a_label_is_drawn_as_it_is(tmp_path: Path, titled: Callable[[str], Axes]) -> None:
    names = ["$a_{$", "$x$", "_none", "US$"]

    draw(tmp_path, names)

    legend = titled("Scores by predicted label").get_legend()
    assert legend is not None
    ticks = titled(CONFUSION).get_xticklabels()
    for texts in (legend.get_texts(), ticks):
        # matplotlib draws an escaped dollar as a dollar, and two that are not as mathematics.
        assert [text.get_text().replace(r"\$", "$") for text in texts] == names
        assert all(text.get_text().count("$") == text.get_text().count(r"\$") for text in texts)


@pytest.mark.filterwarnings("error:Glyph")
def test_a_name_that_the_font_cannot_draw_is_told_by_its_id(tmp_path: Path, titled: Callable[[str], Axes]) -> None:
    draw(tmp_path, ["joy", "喜び", "été"])

    assert [text.get_text() for text in titled(CONFUSION).get_xticklabels()] == ["joy", "label 1", "été"]


def test_a_label_without_texts_has_no_shares(tmp_path: Path, titled: Callable[[str], Axes]) -> None:
    draw(tmp_path, ["joy", "anger", "fear"], seen=2)

    shown = [text.get_text() for text in titled(CONFUSION).texts]
    assert shown[6:] == ["–"] * 3
    assert all(text.endswith("%") for text in shown[:6])


def test_a_training_of_one_step_is_seen(tmp_path: Path) -> None:
    draw(tmp_path, ["joy", "anger"])

    with Image.open(tmp_path / "training.png") as picture:
        grey = sum(count for count, color in picture.convert("RGB").getcolors(1 << 20) or () if color == GREY)
    assert grey > 60  # the legend alone has fewer


def test_a_coverage_curve_of_one_point_is_seen(tmp_path: Path) -> None:
    draw(tmp_path, ["joy", "anger"], spread=0)

    with Image.open(tmp_path / "coverage.png") as picture:
        assert TAB_BLUE in {color for _, color in picture.convert("RGB").getcolors(1 << 20) or ()}
