"""The table of a training beside the card's."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainer.training.arguments import parse
from trainer.training.learning_curve import CARD_ROWS, as_markdown, curve, write_curve
from trainer.training.recipe import is_card_recipe


def history(steps_an_epoch: int, epochs: int) -> list[dict[str, Any]]:
    """The log of a training whose loss at step n is n."""
    entries: list[dict[str, Any]] = []
    for step in range(1, steps_an_epoch * epochs + 1):
        entries.append({"step": step, "epoch": step / steps_an_epoch, "loss": float(step)})
        if step % steps_an_epoch == 0:
            figures = {"eval_loss": 0.5, "eval_accuracy": 0.75, "eval_macro_f1": 0.625}
            entries.append({"step": step, "epoch": step / steps_an_epoch, **figures})
    return [*entries, {"step": steps_an_epoch * epochs, "epoch": float(epochs), "train_loss": 1.0}]


def test_a_row_gives_the_loss_of_the_last_500_steps_as_a_card_does() -> None:
    rows = curve(history(2000, 2), is_card=False)

    assert [(row.epoch, row.step) for row in rows] == [(1, 2000), (2, 4000)]
    assert [row.training_loss for row in rows] == [1750.5, 3750.5]
    assert [(row.validation_loss, row.accuracy, row.macro_f1) for row in rows] == [(0.5, 0.75, 0.625)] * 2


def test_a_shorter_epoch_gives_the_loss_of_all_its_steps() -> None:
    assert [row.training_loss for row in curve(history(10, 2), is_card=False)] == [5.5, 15.5]


def test_an_evaluation_before_any_step_has_no_training_loss() -> None:
    first = {"step": 0, "epoch": 0, "eval_loss": 1.8, "eval_accuracy": 0.1, "eval_macro_f1": 0.1}

    assert curve([first], is_card=False)[0].training_loss is None


@pytest.mark.parametrize(("steps", "is_card", "shown"), [(2000, True, True), (2000, False, False), (1999, True, False)])
def test_the_cards_row_stands_beside_its_own_step_only(steps: int, is_card: bool, shown: bool) -> None:
    rows = curve(history(steps, 3), is_card=is_card)

    assert [row.card for row in rows] == (list(CARD_ROWS) if shown else [None] * 3)
    assert ("0.2193" in as_markdown(rows)) == shown


@pytest.mark.parametrize(
    ("options", "is_card"),
    [
        ([], True),
        (["--model", "another", "--logging_steps", "5"], True),
        (["--learning_rate", "1e-4"], False),
        (["--label_smoothing_factor", "0.1"], False),
        (["--gradient_accumulation_steps", "2"], False),
        (["--bf16", "--use_cpu"], False),
        (["--warmup_steps", "10"], False),
    ],
)
def test_the_recipe_is_the_cards_where_nothing_that_it_states_is_changed(options: list[str], is_card: bool) -> None:
    assert is_card_recipe(parse(["--output", "a", *options])[1]) == is_card


def test_the_curve_is_written_for_people_and_programs(tmp_path: Path) -> None:
    write_curve(curve(history(2000, 3), is_card=True), tmp_path)

    lines = (tmp_path / "curve.md").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("| Training loss | Epoch | Step | Validation loss | Accuracy | Macro-F1 | Card: ")
    assert lines[2] == "| 1750.5000 | 1 | 2000 | 0.5000 | 0.7500 | 0.6250 | 0.2653 | 0.2193 |"
    first = json.loads((tmp_path / "curve.json").read_text(encoding="utf-8"))[0]
    assert first["step"] == 2000
    assert first["card"] == {"training_loss": 0.2653, "epoch": 1, "step": 2000, "validation_loss": 0.2193}
