"""The artifact that ships inside the worker's package."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.manifest import ModelManifest, digest_files, revision_of
from trainer.artifact.loading import load_artifact
from trainer.data.rows import Columns
from trainer.data.splits import load_split
from trainer.evaluation.outputs import outputs_of
from trainer.evaluation.perturbations import perturbed

PICTURES = ("training", "confusion", "reliability", "coverage", "scores", "lengths")
ROOT = Path(__file__).parents[3]
BUNDLED = ROOT / "worker" / "bundled"
VALIDATION = ROOT.parent / "shared" / "data" / "emotion" / "validation.txt"


def test_the_bundled_files_are_those_that_its_manifest_names() -> None:
    manifest = ModelManifest.read(BUNDLED)

    assert manifest is not None
    assert manifest.files == digest_files(BUNDLED)
    assert manifest.revision == revision_of(manifest.files)


def test_the_bundled_folder_is_small_and_holds_a_model_its_card_and_its_pictures_alone() -> None:
    files = {str(path.relative_to(BUNDLED)): path.stat().st_size for path in BUNDLED.rglob("*") if path.is_file()}

    model = {"config.json", "manifest.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    pictures = {f"report/{name}.png" for name in PICTURES}
    assert set(files) == model | {"README.md"} | pictures
    assert sum(files.values()) <= 50_000_000


needs_validation = pytest.mark.skipif(
    not VALIDATION.is_file(), reason=f"needs the validation split at ../{VALIDATION.relative_to(ROOT.parent)}"
)


@needs_validation
def test_the_bundled_model_labels_validation_as_well_as_it_says(evaluate: Callable[..., Any]) -> None:
    manifest = ModelManifest.read(BUNDLED)
    measured = evaluate(BUNDLED, VALIDATION)

    assert manifest is not None
    assert measured["accuracy"] >= 0.93
    # The manifest's figures are those of the float32 weights.
    assert measured["accuracy"] == pytest.approx(manifest.metrics["validation"].accuracy, abs=1e-3)
    assert measured["loss"] == pytest.approx(manifest.metrics["validation"].loss, abs=1e-3)


@needs_validation
def test_the_bundled_model_hardly_ever_loses_a_label_to_two_swapped_letters() -> None:
    model, tokenizer = load_artifact(BUNDLED, "float32")
    texts = load_split(str(VALIDATION), "validation", Columns("text", "label")).texts[:500]
    mistyped = perturbed("typo", texts)

    before, after = (outputs_of(model, tokenizer, some).logits.argmax(axis=1) for some in (texts, mistyped))

    assert sum(one != other for one, other in zip(texts, mistyped, strict=True)) > 450
    assert (before != after).mean() <= 0.03
