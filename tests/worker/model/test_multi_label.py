"""Multi-label classifiers: scores that are transformers' own, thresholds, and what is no classifier."""

import json
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, pipeline

from schemas.manifest import ModelManifest, digest_files
from tests.harness.tiny_model import LABELS, POSITIONS, write_tiny_model
from worker.errors import UserError
from worker.flow import Prediction, Request
from worker.labelling import load_model
from worker.model.activation import sigmoid
from worker.model.artifact import _BUNDLED
from worker.model.batcher import plan
from worker.model.packing import Inputs
from worker.model.warm_up import different_labels
from worker.settings import load_settings

MULTI_LABEL = "multi_label_classification"
TEXTS = ["i feel fine", "WHAT a day!!", "", "?", "so " * 200, "a b c d e f g", "Café", "one", "two", "is it?"]
KINDS = ["bert", "roberta", "distilbert", "albert"]


def write_kin(folder: Path, tiny_model: Path, kind: str, labels: list[str], problem_type: str | None) -> Path:
    """A classifier of a kind with the tiny model's tokenizer, and this problem type in config.json."""
    config = AutoConfig.for_model(
        kind,
        vocab_size=100,
        max_position_embeddings=POSITIONS + 1,
        pad_token_id=0,
        initializer_range=0.4,
        hidden_size=32,
        embedding_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    config.id2label = dict(enumerate(labels))
    torch.manual_seed(3)
    cast("Any", AutoModelForSequenceClassification).from_config(config).save_pretrained(folder)
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_bytes()) | {"problem_type": problem_type}))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_model / name, folder)
    return folder


def scores_of(folder: Path, texts: list[str]) -> dict[int, list[float]]:
    model, tokenizer = load_model(load_settings(model=str(folder), device="cpu", dtype="float32"))
    requests = [Request(index, "", text, None) for index, text in enumerate(texts)]
    predictions = model.predict(plan(tokenizer.tokenize(requests), 100, model.row_tokens))
    return {p.request.index: p.scores for p in predictions if isinstance(p, Prediction)}


@pytest.mark.parametrize("labels", [LABELS, ["toxic"]], ids=["several outputs", "one output"])
@pytest.mark.parametrize("kind", KINDS)
def test_scores_equal_those_of_the_transformers_pipeline(
    kind: str, labels: list[str], tmp_path: Path, tiny_model: Path
) -> None:
    folder = write_kin(tmp_path, tiny_model, kind, labels, MULTI_LABEL)
    scores = scores_of(folder, TEXTS)
    reference = pipeline(
        "text-classification", str(folder), dtype=torch.float32, top_k=None, function_to_apply="sigmoid"
    )
    for index, text in enumerate(TEXTS):
        all_scores: Any = reference([text], truncation=True, max_length=POSITIONS)[0]
        expected = {item["label"]: item["score"] for item in all_scores}
        assert dict(zip(labels, scores[index], strict=True)) == pytest.approx(expected, abs=1e-5)
    assert len({score > 0.5 for each in scores.values() for score in each}) == 2


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_one_output_that_is_called_a_classification_is_a_label_too(kind: str, tmp_path: Path, tiny_model: Path) -> None:
    folder = write_kin(tmp_path / "multi", tiny_model, kind, ["toxic"], MULTI_LABEL)
    older = write_kin(tmp_path / "single", tiny_model, kind, ["toxic"], "single_label_classification")
    assert scores_of(older, TEXTS) == scores_of(folder, TEXTS)


@pytest.mark.parametrize(("problem_type", "labels"), [(None, ["a"]), ("regression", ["a"]), ("regression", LABELS)])
def test_a_regression_is_refused_with_what_makes_it_a_classifier(
    problem_type: str | None, labels: list[str], tmp_path: Path, tiny_model: Path
) -> None:
    folder = write_kin(tmp_path, tiny_model, "bert", labels, problem_type)
    with pytest.raises(UserError, match=f"is a regression, not a classifier .*; .* set problem_type to {MULTI_LABEL}"):
        scores_of(folder, TEXTS)


def write_with_manifest(folder: Path, thresholds: dict[str, float] | None) -> Path:
    write_tiny_model(folder, problem_type=MULTI_LABEL)
    bundled = ModelManifest.read(_BUNDLED)
    assert bundled is not None
    changes = {"files": digest_files(folder), "problem_type": MULTI_LABEL, "confident_score": None}
    bundled.model_copy(update=changes | {"thresholds": thresholds}).write(folder)
    return folder


OWN = dict(zip(reversed(LABELS), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], strict=True))


@pytest.mark.parametrize(
    ("of_the_manifest", "set_to", "used"),
    [(OWN, None, [0.6, 0.5, 0.4, 0.3, 0.2, 0.1]), (OWN, 0.0, [0.0] * 6), (None, None, [0.5] * 6)],
    ids=["the manifest's", "the setting's", "neither's"],
)
def test_the_setting_wins_over_the_thresholds_of_the_manifest_and_half_stands_in_for_both(
    of_the_manifest: dict[str, float] | None, set_to: float | None, used: list[float], tmp_path: Path
) -> None:
    folder = write_with_manifest(tmp_path, of_the_manifest)
    model, _ = load_model(load_settings(model=str(folder), device="cpu", confident_score=set_to))
    assert (model.info.thresholds, model.info.confident_score) == (used, None)


def test_thresholds_of_other_labels_are_refused(tmp_path: Path) -> None:
    folder = write_with_manifest(tmp_path, {"joy": 0.5})
    with pytest.raises(UserError, match=r"manifest\.json has thresholds of joy, but the labels are sadness, joy"):
        load_model(load_settings(model=str(folder), device="cpu"))


def test_a_logit_that_the_number_format_made_infinite_has_no_score() -> None:
    scores = sigmoid(torch.tensor([[0.0, torch.inf, -torch.inf]]))
    assert scores[0, 0] == 0.5
    assert scores[0, 1:].isnan().all()


def test_number_formats_are_compared_by_all_labels_of_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_tiny_model(tmp_path, problem_type=MULTI_LABEL)
    model, tokenizer = load_model(load_settings(model=str(folder), device="cpu", dtype="float32"))
    exact, _ = load_model(load_settings(model=str(folder), device="cpu", dtype="float32"))
    assert different_labels(model, exact, tokenizer) == 0
    forward = exact.forward

    def best_alone(inputs: Inputs) -> torch.Tensor:
        scores = forward(inputs)
        return scores * (scores == scores.amax(dim=1, keepdim=True))

    monkeypatch.setattr(exact, "forward", best_alone)
    assert different_labels(model, exact, tokenizer) > 100
