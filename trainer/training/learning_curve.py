"""The curve of a training, one row for each evaluation, beside that of the model card it reproduces."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# A card of the Hugging Face Trainer gives the mean loss of the last 500 steps, after which it logs.
_TRAINING_LOSS_STEPS = 500


@dataclass(frozen=True)
class CardRow:
    """One row of the table of the card `bert-finetuned-emotion`."""

    training_loss: float
    epoch: int
    step: int
    validation_loss: float


CARD_ROWS = (CardRow(0.2653, 1, 2000, 0.2193), CardRow(0.1552, 2, 4000, 0.1690), CardRow(0.1028, 3, 6000, 0.1656))


@dataclass(frozen=True)
class CurveRow:
    """The figures of one evaluation; losses in nats a text."""

    training_loss: float | None
    """Mean over the last 500 steps, at most those since the evaluation before; None where none was logged."""
    epoch: float
    step: int
    validation_loss: float
    accuracy: float
    macro_f1: float
    card: CardRow | None
    """The card's row of this step, where the recipe is the card's."""


def curve(log_history: Sequence[Mapping[str, Any]], *, is_card: bool) -> list[CurveRow]:
    """Returns the rows of a training.

    Args:
        log_history: Of the Trainer's state, or of a `trainer_state.json`.
        is_card: Whether the recipe is the card's, see `is_card_recipe`.
    """
    card_rows = {(row.epoch, row.step): row for row in CARD_ROWS} if is_card else {}
    rows: list[CurveRow] = []
    losses: dict[int, float] = {}
    for entry in log_history:
        step = entry["step"]
        if "loss" in entry:
            losses[step] = entry["loss"]
        elif "eval_loss" in entry:
            recent = [loss for at, loss in losses.items() if at > step - _TRAINING_LOSS_STEPS]
            losses.clear()
            rows.append(
                CurveRow(
                    training_loss=sum(recent) / len(recent) if recent else None,
                    epoch=entry["epoch"],
                    step=step,
                    validation_loss=entry["eval_loss"],
                    accuracy=entry["eval_accuracy"],
                    macro_f1=entry["eval_macro_f1"],
                    card=card_rows.get((entry["epoch"], step)),
                )
            )
    return rows


def as_markdown(rows: Sequence[CurveRow]) -> str:
    """Returns a table in the order of the card's own columns."""
    head = ["Training loss", "Epoch", "Step", "Validation loss", "Accuracy", "Macro-F1"]
    has_card = any(row.card for row in rows)
    lines = [head + ["Card: training loss", "Card: validation loss"] * has_card]
    lines.append(["---:"] * len(lines[0]))
    lines.extend(_cells(row, has_card=has_card) for row in rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write_curve(rows: Sequence[CurveRow], folder: Path) -> None:
    """Writes the rows as `curve.json` and `curve.md`."""
    (folder / "curve.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")
    (folder / "curve.md").write_text(as_markdown(rows), encoding="utf-8")


def _cells(row: CurveRow, *, has_card: bool) -> list[str]:
    figures = (row.validation_loss, row.accuracy, row.macro_f1)
    cells = [_cell(row.training_loss), f"{row.epoch:g}", str(row.step), *map(_cell, figures)]
    if has_card:
        cells += map(_cell, (row.card.training_loss, row.card.validation_loss) if row.card else (None, None))
    return cells


def _cell(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.4f}"
