"""The model card, for data and trainings that are out of the ordinary."""

from pathlib import Path

from tests.trainer.conftest import Train, make_rows, write_text_file

PIPED = {"up|down": ("happy", "glad"), "left|right": ("lonely", "hopeless")}


def card_of(artifact: Path) -> str:
    return (artifact / "README.md").read_text(encoding="utf-8")


def test_a_pipe_in_a_label_breaks_no_table(train: Train, cased_base: Path, tmp_path: Path) -> None:
    for split in ("train", "validation"):
        write_text_file(tmp_path / f"{split}.txt", make_rows(PIPED, 4, seed=1))

    artifact = train("--model", str(cased_base), "--data", str(tmp_path), "--max_steps", "1")

    tables = [artifact / "README.md", artifact / "report" / "data.md"]
    lines = [line for file in tables for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [line for line in lines if "up" in line and "down" in line]
    assert len(rows) >= 3
    assert all(r"up\|down" in row for row in rows)
    assert not any("up|down" in row for row in rows)
