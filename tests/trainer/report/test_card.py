"""The model card, for data and trainings that are out of the ordinary."""

from pathlib import Path

from tests.trainer.conftest import LEARNING, Train, make_rows, write_text_file

PIPED = {"up|down": ("happy", "glad"), "left|right": ("lonely", "hopeless")}


def card_of(artifact: Path) -> str:
    return (artifact / "README.md").read_text(encoding="utf-8")


def test_a_pipe_in_a_label_breaks_no_table(train: Train, cased_base: Path, tmp_path: Path) -> None:
    for split in ("train", "validation"):
        write_text_file(tmp_path / f"{split}.txt", make_rows(PIPED, 4, seed=1))

    artifact = train("--model", str(cased_base), "--data", str(tmp_path), "--max_steps", "1", "--yes")

    tables = [artifact / "README.md", artifact / "report" / "data.md"]
    lines = [line for file in tables for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [line for line in lines if "up" in line and "down" in line]
    assert len(rows) >= 3
    assert all(r"up\|down" in row for row in rows)
    assert not any("up|down" in row for row in rows)


def test_an_artifact_is_for_others_and_shows_no_text_of_its_data(
    train: Train, cased_base: Path, tmp_path: Path
) -> None:
    texts = [(f"happy {'so ' * 20}{n} www", label) for n, label in enumerate(PIPED)]
    for split in ("train", "validation"):
        write_text_file(tmp_path / f"{split}.txt", [*texts, *texts, (texts[0][0], texts[1][1])])

    artifact = train("--model", str(cased_base), "--data", str(tmp_path), "--max_steps", "1", "--yes")

    files = [file for file in artifact.rglob("*") if file.suffix in (".md", ".json", ".jsonl")]
    assert {"README.md", "data.md", "figures.json", "golden.jsonl"} <= {file.name for file in files}
    assert [file.name for file in files if "so so so so" in file.read_text(encoding="utf-8")] == []
    assert "\n- 2 exact duplicates" in (artifact / "report" / "data.md").read_text(encoding="utf-8")


def test_the_card_says_that_of_these_the_split_chose_what_it_did(
    train: Train, cased_base: Path, tmp_path: Path, artifact: Path
) -> None:
    write_text_file(tmp_path / "train.txt", make_rows(PIPED, 4, seed=1))
    write_text_file(tmp_path / "validation.txt", make_rows(PIPED, 1, seed=1))
    base = ("--model", str(cased_base), "--yes")

    one_text = card_of(train(*base, "--data", str(tmp_path), "--max_steps", "1"))
    assert "## Figures on validation (1 text)" in one_text
    assert "fitted on this split" not in one_text

    best = card_of(train(*base, "--data", str(tmp_path), "--max_steps", "1", "--load_best_model_at_end"))
    assert "\nThe checkpoint was fitted on this split, so expect less on new texts.\n" in best

    assert "\nThe temperature was fitted on this split, so expect less on new texts.\n" in card_of(artifact)


def test_the_card_says_where_the_search_of_a_temperature_ended(train: Train, cased_base: Path, tmp_path: Path) -> None:
    swapped = dict(zip(PIPED, reversed(PIPED.values()), strict=True))
    write_text_file(tmp_path / "train.txt", make_rows(PIPED, 96, seed=1))
    write_text_file(tmp_path / "validation.txt", make_rows(swapped, 40, seed=2))

    card = card_of(train("--model", str(cased_base), "--data", str(tmp_path), *LEARNING))

    assert "temperature of 20.0" in card
    assert ", where its search ends: the best one lies beyond.\n" in card
