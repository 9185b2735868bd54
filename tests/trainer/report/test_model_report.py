"""What comes with an artifact for people."""

import json
import shutil
from pathlib import Path

from huggingface_hub import ModelCard
from PIL import Image

from schemas.manifest import ModelManifest
from tests.trainer.conftest import Train
from trainer.__main__ import run

PICTURES = ("training", "confusion", "reliability", "coverage", "scores", "lengths")


def test_every_picture_is_drawn_and_shown_in_the_card(artifact: Path) -> None:
    card = (artifact / "README.md").read_text(encoding="utf-8")

    for name in PICTURES:
        with Image.open(artifact / "report" / f"{name}.png") as picture:
            assert min(picture.size) >= 300
            extremes = picture.convert("L").getextrema()
        assert extremes == (0, 255)  # something is drawn, on white
        assert f"(report/{name}.png)" in card


def test_the_card_carries_the_figures_of_the_manifest_where_the_hub_reads_them(artifact: Path) -> None:
    manifest = ModelManifest.read(artifact)
    assert manifest is not None
    card = ModelCard.load(artifact / "README.md")

    assert card.data.base_model == "tiny-bert-cased"
    results = {result.metric_type: result for result in card.data.eval_results or []}
    validation = manifest.metrics["validation"]
    assert results["accuracy"].metric_value == round(validation.accuracy, 4)
    assert results["f1"].metric_value == round(validation.macro_f1, 4)
    assert results["loss"].dataset_split == "validation"
    assert (results["loss"].dataset_revision or "").startswith("sha256:")


def test_the_card_leaves_nothing_open(artifact: Path) -> None:
    card = (artifact / "README.md").read_text(encoding="utf-8")

    headings = {line[3:] for line in card.splitlines() if line.startswith("## ")}
    assert {"Intended use", "Limits", "Robustness and bias", "Data", "Training"} <= headings
    assert "| learning_rate | 0.01 |" in card
    assert card.count("| negated | 72 |") == 1, "of the half that is kept"
    assert "| hardware | " in card
    assert "| processes | 1 |" in card
    assert "kWh, estimated and not measured" in card
    for gap in ("None", "| nan", "TODO", "ore information needed"):
        assert gap not in card


def test_the_card_of_a_resumed_training_claims_no_time_that_it_does_not_know(
    train: Train, cased_base: Path, data: Path
) -> None:
    options = ("--model", str(cased_base), "--data", str(data), "--max_steps", "2", "--save_steps", "1")
    first = train(*options, "--save_strategy", "steps")
    checkpoint = first.with_name("artifact-checkpoints") / "checkpoint-1"

    resumed = train(*options, "--save_strategy", "no", "--resume_from_checkpoint", str(checkpoint))

    assert " minutes since it was resumed |" in (resumed / "README.md").read_text(encoding="utf-8")
    assert "since it was resumed" not in (first / "README.md").read_text(encoding="utf-8")


def test_the_figures_of_the_report_are_those_of_the_run(artifact: Path) -> None:
    figures = json.loads((artifact / "report" / "figures.json").read_text(encoding="utf-8"))
    manifest = ModelManifest.read(artifact)

    assert manifest is not None
    assert figures["assessment"]["accuracy"] == manifest.metrics["validation"].accuracy
    assert figures["data"]["splits"]["train"]["rows"] == 96
    assert any("eval_loss" in entry for entry in figures["log_history"])
    assert {"robustness", "out_of_domain"} <= set(figures["assessment"])


def test_an_export_takes_report_and_card_along(artifact: Path, tmp_path: Path) -> None:
    assert run(["export", str(artifact), "--dtype", "float16", "--output", str(tmp_path / "half")]) == 0

    for name in ("README.md", "report/figures.json", "report/coverage.png"):
        assert (tmp_path / "half" / name).read_bytes() == (artifact / name).read_bytes()


def test_an_artifact_without_report_and_card_is_exported_too(artifact: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(artifact, tmp_path / "bare", ignore=shutil.ignore_patterns("README.md", "report"))

    assert run(["export", str(bare), "--dtype", "float16", "--output", str(tmp_path / "half")]) == 0

    assert not (tmp_path / "half" / "report").exists()
