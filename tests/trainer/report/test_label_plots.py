"""The pictures of a model whose labels each stand for themselves, for unusual names and figures."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from PIL import Image

from schemas.manifest import ModelManifest
from trainer.evaluation.assessment import Assessment
from trainer.evaluation.decision import EachLabel
from trainer.evaluation.label_fitting import fit_labels
from trainer.evaluation.outputs import Outputs
from trainer.report.label_plots import PICTURES, write_label_plots


def draw(folder: Path, names: Sequence[str], seen: int | None = None) -> Assessment:
    """Draws a model of which only the first `seen` labels have texts; it sees each label in every other text of it."""
    rng = np.random.default_rng(1)
    flags = np.zeros((60, len(names)))
    flags[:, :seen] = rng.random((60, len(names)))[:, :seen] < 0.5
    logits = 9 * flags * (np.arange(60) % 2)[:, None] - 4 + rng.normal(size=flags.shape)
    thresholds, fits = fit_labels(torch.nn.Linear(4, len(names)), logits, flags, names)
    rule = EachLabel(thresholds)
    outputs = Outputs(logits, features=None, tokens=np.full(60, 5), unknown_tokens=0)
    metrics = rule.metrics(logits, flags, names)
    assessment = Assessment(metrics, None, None, outputs, flags, rule)
    manifest = ModelManifest.model_construct(labels=list(names), label_fits=fits)
    write_label_plots(folder, manifest, assessment, [{"step": 1, "loss": 1.2}])
    return assessment


@pytest.fixture
def titled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Axes]]:
    """The picture with a title that begins so, of those drawn."""
    monkeypatch.setattr(plt, "close", lambda _: None)
    yield lambda title: next(
        axes for number in plt.get_fignums() for axes in plt.figure(number).axes if axes.get_title().startswith(title)
    )
    monkeypatch.undo()
    plt.close("all")


@pytest.mark.parametrize("labels", [1, 6, 28])
def test_every_picture_is_drawn_for_few_labels_and_many(tmp_path: Path, labels: int) -> None:
    draw(tmp_path, [f"emotion {number}" for number in range(labels)])

    for name in PICTURES:
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) >= 150
            assert picture.convert("L").getextrema() == (0, 255)  # something is drawn, on white


@pytest.mark.filterwarnings("error:Glyph")
def test_every_name_of_a_label_is_drawn_or_told_by_its_id(tmp_path: Path, titled: Callable[[str], Axes]) -> None:
    draw(tmp_path, ["$x$", "喜び", "_none"])

    rows = titled("Labels given").get_yticklabels()
    assert [text.get_text() for text in rows] == [r"\$x\$", "label 1", "_none"]


def test_bars_are_f1_with_the_best_label_on_top(tmp_path: Path, titled: Callable[[str], Axes]) -> None:
    assessment = draw(tmp_path, ["joy", "anger", "fear"])

    bars = titled("Labels at").patches
    assert [bar.get_width() for bar in bars] == sorted(label.f1 for label in assessment.metrics.labels.values())


def test_the_diagonal_is_recall_and_a_label_without_texts_has_no_shares(
    tmp_path: Path, titled: Callable[[str], Axes]
) -> None:
    assessment = draw(tmp_path, ["joy", "anger", "fear"], seen=2)

    shown = np.array([text.get_text() for text in titled("Labels given").texts]).reshape(3, 4)
    recalls = [f"{label.recall:.0%}" for label in assessment.metrics.labels.values()]
    assert shown.diagonal().tolist()[:2] == recalls[:2]
    assert shown[2].tolist() == ["–"] * 4
