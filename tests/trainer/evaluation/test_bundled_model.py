"""The artifact that ships inside the worker's package."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scipy.special import softmax

from schemas.golden_set import GOLDEN_FILE
from schemas.manifest import ModelManifest, digest_files, revision_of
from trainer.__main__ import run
from trainer.artifact.loading import load_artifact
from trainer.bundled.data import Data, domains
from trainer.data.rows import Columns
from trainer.data.splits import load_split
from trainer.evaluation.decision import OneLabel
from trainer.evaluation.feelings import run_sentences
from trainer.evaluation.outputs import outputs_of
from trainer.evaluation.perturbations import perturbed

PICTURES = ("training", "confusion", "reliability", "coverage", "scores", "lengths", "domains")
ROOT = Path(__file__).parents[3]
BUNDLED = ROOT / "worker" / "bundled"
VALIDATION = ROOT.parent / "shared" / "data" / "emotion" / "validation.txt"
GOEMOTIONS = ROOT.parent / "shared" / "data" / "goemotions"


def test_the_bundled_files_are_those_that_its_manifest_names() -> None:
    manifest = ModelManifest.read(BUNDLED)

    assert manifest is not None
    assert manifest.files == digest_files(BUNDLED)
    assert manifest.revision == revision_of(manifest.files)


def test_the_bundled_folder_is_small_and_holds_a_model_its_card_and_its_pictures_alone() -> None:
    files = {str(path.relative_to(BUNDLED)): path.stat().st_size for path in BUNDLED.rglob("*") if path.is_file()}

    model = {"config.json", "manifest.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    pictures = {f"report/{name}.png" for name in PICTURES}
    assert set(files) == model | {"README.md", GOLDEN_FILE} | pictures
    assert sum(files.values()) <= 40_000_000


needs_validation = pytest.mark.skipif(
    not VALIDATION.is_file(), reason=f"needs the validation split at ../{VALIDATION.relative_to(ROOT.parent)}"
)


@needs_validation
def test_the_bundled_model_labels_validation_as_well_as_it_says(evaluate: Callable[..., Any]) -> None:
    manifest = ModelManifest.read(BUNDLED)
    measured = evaluate(BUNDLED, VALIDATION)

    assert manifest is not None
    assert measured["accuracy"] >= 0.92
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


@pytest.mark.skipif(not GOEMOTIONS.is_dir(), reason=f"needs GoEmotions at ../{GOEMOTIONS.relative_to(ROOT.parent)}")
def test_the_bundled_model_keeps_its_word_on_peoples_own_texts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    listed = tmp_path / "domains.json"
    listed.write_text(json.dumps(domains(Data("", str(GOEMOTIONS)))), encoding="utf-8")

    assert run(["evaluate", str(BUNDLED), "--data", str(VALIDATION), "--datasets", str(listed), "--json"]) == 0

    measured = json.loads(capsys.readouterr().out)["domains"]["Reddit comments (GoEmotions)"]
    assert measured["accuracy"] >= 0.82
    assert measured["macro_f1"] >= 0.74
    assert measured["confident"]["accuracy"]["value"] >= 0.95
    assert measured["confident"]["coverage"]["value"] >= 0.45
    assert measured["without_feeling"]["confident"] <= 0.05


def test_the_bundled_model_is_hardly_ever_sure_of_a_feeling_that_a_sentence_negates() -> None:
    model, tokenizer = load_artifact(BUNDLED, "float32")
    manifest = ModelManifest.read(BUNDLED)
    assert manifest is not None

    figures = run_sentences(
        lambda texts: softmax(outputs_of(model, tokenizer, texts).logits, axis=1),
        OneLabel(manifest.confident_score),
        manifest.labels,
    )

    kept = {each.kind: each for each in figures if each.half == "kept"}
    assert kept["negated"].texts >= 70
    assert kept["negated"].confidently_wrong is not None
    assert kept["negated"].confidently_wrong <= 0.05
    assert kept["question"].right == 1.0  # none is confident
