"""Scores that mean what they say."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import brier_score_loss, log_loss
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    MPNetConfig,
    PreTrainedModel,
    RobertaConfig,
    pipeline,
)

from schemas.manifest import ModelManifest
from tests.trainer.conftest import LEARNING, WORDS, Train, make_rows, write_text_file
from trainer.evaluation.calibration import (
    calibration_error,
    divided_by_halves,
    fit_temperature,
    fold_temperature,
    is_at_bound,
    last_layer,
    temperatures_of_halves,
)
from trainer.evaluation.calibration import score_quality as quality_of

SMALL: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "num_labels": 3,
    "pad_token_id": 1,
}


def drawn(temperature: float, texts: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Logits whose softmax at a temperature is the chance of each label, and labels drawn by it."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=4, size=(texts, 4))
    chances = softmax(logits / temperature, axis=1)
    return logits, np.array([rng.choice(4, p=row) for row in chances])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_drew_the_labels_is_found(temperature: float) -> None:
    assert fit_temperature(*drawn(temperature, 20_000)) == pytest.approx(temperature, rel=0.05)


def test_no_other_temperature_has_a_lower_loss() -> None:
    logits, ids = drawn(1.7, 2_000)
    temperature = fit_temperature(logits, ids)

    losses = [
        log_loss(ids, softmax(logits / value, axis=1))
        for value in (temperature, 0.97 * temperature, 1.03 * temperature)
    ]
    assert min(losses) == losses[0]


def test_further_splits_have_the_weight_of_the_first_however_many_their_texts() -> None:
    cold, warm = drawn(0.7, 2_000), drawn(2.5, 2_000, seed=1)
    many = (np.tile(warm[0], (5, 1)), np.tile(warm[1], 5))

    temperature = fit_temperature(*cold, warm)

    assert 0.75 < temperature < 2.4
    assert fit_temperature(*cold, many) == pytest.approx(temperature, rel=0.01)
    pooled = fit_temperature(np.concatenate([cold[0], many[0]]), np.concatenate([cold[1], many[1]]))
    assert pooled > temperature + 0.1


def test_no_text_of_any_split_is_measured_with_a_temperature_that_it_fitted() -> None:
    first, second = drawn(2.0, 400), drawn(1.0, 100, seed=1)
    wrong = second[1].copy()
    wrong[0] = (wrong[0] + 1) % 4

    before, after = temperatures_of_halves(first, second), temperatures_of_halves(first, (second[0], wrong))

    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    for logits in (first[0], second[0]):
        same = np.isclose(divided_by_halves(logits, before), divided_by_halves(logits, after)).all(axis=1)
        assert same.sum() == len(logits) / 2
    assert same[0]


def test_a_split_without_a_mistake_does_not_make_scores_certain() -> None:
    logits = np.eye(3)[[0, 1, 2] * 20] * 5
    scores = softmax(logits / fit_temperature(logits, logits.argmax(axis=1)), axis=1).max(axis=1)

    assert 0.95 < scores.min() <= scores.max() < 0.999


def test_a_temperature_where_the_search_ends_is_known_as_such() -> None:
    logits, ids = drawn(1, 200)
    wrong = (logits.argmax(axis=1) + 1) % 4

    assert is_at_bound(fit_temperature(logits, wrong))
    assert is_at_bound(fit_temperature(logits / 1000, ids))
    assert not is_at_bound(fit_temperature(logits, ids))


def test_the_calibration_error_is_that_of_its_definition() -> None:
    # Two bins: two texts of mean score 0.65 with one right, one text of score 1 that is wrong.
    error = calibration_error(np.array([0.64, 0.66, 1.0]), np.array([True, False, False]))

    assert error == pytest.approx(2 / 3 * 0.15 + 1 / 3 * 1.0)


def test_brier_score_and_loss_are_those_of_scikit_learn() -> None:
    logits, ids = drawn(1.7, 500)
    quality = quality_of(logits, ids)

    scores = softmax(logits, axis=1)
    assert quality.brier.value == pytest.approx(brier_score_loss(ids, scores, labels=range(4), scale_by_half=False))
    assert quality.loss.value == pytest.approx(log_loss(ids, scores))


def test_the_interval_of_a_mean_is_the_normal_one() -> None:
    logits, ids = drawn(1.7, 2_000)
    brier = quality_of(logits, ids).brier

    each = ((softmax(logits, axis=1) - np.eye(4)[ids]) ** 2).sum(axis=1)
    half_width = 1.96 * each.std() / math.sqrt(len(each))
    assert (brier.low, brier.high) == pytest.approx(
        (each.mean() - half_width, each.mean() + half_width), abs=half_width / 10
    )


def test_scores_that_are_right_are_not_said_to_be_wrong_because_the_texts_are_few() -> None:
    lows = [quality_of(*drawn(1, texts)).ece.low for texts in range(60, 160, 10)]

    assert lows.count(0.0) > 5


def test_no_text_is_measured_with_a_temperature_that_it_fitted() -> None:
    logits, ids = drawn(2.0, 400)
    before = divided_by_halves(logits, temperatures_of_halves((logits, ids)))
    wrong = ids.copy()
    wrong[0] = (ids[0] + 1) % 4
    after = divided_by_halves(logits, temperatures_of_halves((logits, wrong)))

    moved = ~np.isclose(before, after).all(axis=1)
    assert not moved[0]
    assert moved.sum() == 200


DISTILLED: dict[str, Any] = {"vocab_size": 50, "dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8, "num_labels": 3}
HEADS = {
    "bert": BertConfig(**SMALL),
    "roberta": RobertaConfig(**SMALL),
    "mpnet": MPNetConfig(**SMALL),
    "electra": ElectraConfig(**SMALL, embedding_size=8),
    "deberta": DebertaV2Config(**SMALL),
    "distilbert": DistilBertConfig(**DISTILLED),
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_folded_temperature_divides_the_logits_of_every_kind_of_head(kind: str) -> None:
    model: PreTrainedModel = AutoModelForSequenceClassification.from_config(HEADS[kind])  # type: ignore[no-untyped-call]
    model.eval()  # type: ignore[no-untyped-call]
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        before = model(input_ids=ids).logits
        layer = last_layer(model)
        assert layer is not None
        layer.bias.add_(0.5)
        before = before + 0.5
        fold_temperature(layer, 2.5)
        after = model(input_ids=ids).logits

    torch.testing.assert_close(after, before / 2.5)


def test_a_head_that_ends_in_something_else_is_known_as_such() -> None:
    model = AutoModelForSequenceClassification.from_config(BertConfig(**SMALL))  # type: ignore[no-untyped-call]
    model.classifier = torch.nn.Sequential(torch.nn.Linear(8, 5), torch.nn.Tanh())

    assert last_layer(model) is None


@pytest.fixture(scope="module")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of which each tenth label is wrong."""
    folder = tmp_path_factory.mktemp("noisy")
    for split, seed in (("train", 1), ("validation", 2)):
        rows = make_rows(WORDS, 120, seed)
        write_text_file(folder / f"{split}.txt", [(t, "joy" if n % 10 == 3 else lb) for n, (t, lb) in enumerate(rows)])
    return folder


@pytest.fixture(scope="module")
def noisy_artifact(train: Train, cased_base: Path, noisy: Path) -> Path:
    return train("--model", str(cased_base), "--data", str(noisy), *LEARNING)


def test_every_loader_of_the_folder_gets_calibrated_scores(noisy_artifact: Path, noisy: Path) -> None:
    manifest = ModelManifest.read(noisy_artifact)
    assert manifest is not None
    assert manifest.calibration is not None
    lines = [line.rsplit(";", 1) for line in (noisy / "validation.txt").read_text(encoding="utf-8").splitlines()]

    classifier: Any = pipeline(
        "text-classification", str(noisy_artifact), dtype=torch.float32, device="cpu", top_k=None
    )
    answers = classifier([text for text, _ in lines])
    by_label = [{answer["label"]: answer["score"] for answer in row} for row in answers]
    scores = np.array([[row[label] for label in WORDS] for row in by_label])
    scores /= scores.sum(axis=1, keepdims=True)
    ids = np.array([list(WORDS).index(label) for _, label in lines])

    assert fit_temperature(np.log(scores), ids) == pytest.approx(1, abs=0.02)
    assert manifest.metrics["validation"].loss == pytest.approx(log_loss(ids, scores, labels=range(6)), abs=1e-4)
    assert manifest.metrics["validation"].loss < manifest.calibration.before.loss.value
    uncalibrated = np.log(scores) * manifest.calibration.temperature
    assert manifest.calibration.before.loss.value == pytest.approx(
        log_loss(ids, softmax(uncalibrated, axis=1), labels=range(6)), abs=1e-4
    )


def test_too_few_texts_are_not_calibrated_on_and_the_reason_is_said(
    train: Train, cased_base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "validation"):
        write_text_file(tmp_path / f"{split}.txt", make_rows(WORDS, 12, seed=1))

    options = ("--model", str(cased_base), "--data", str(tmp_path), "--max_steps", "1", "--yes")
    manifest = ModelManifest.read(train(*options))

    assert manifest is not None
    assert manifest.calibration is None
    assert "stay uncalibrated: that takes 20 validation texts or more, here are 12" in capsys.readouterr().err


def test_an_evaluation_tells_what_the_threshold_keeps(
    noisy_artifact: Path, noisy: Path, tmp_path: Path, evaluate: Callable[..., Any]
) -> None:
    manifest = ModelManifest.read(noisy_artifact)
    assert manifest is not None
    copy = shutil.copytree(noisy_artifact, tmp_path / "copy")
    manifest.model_copy(update={"confident_score": 0.8}).write(copy)
    lines = [line.rsplit(";", 1) for line in (noisy / "validation.txt").read_text(encoding="utf-8").splitlines()]
    classifier: Any = pipeline("text-classification", str(copy), dtype=torch.float32, device="cpu")
    answers = classifier([text for text, _ in lines])
    kept = [
        answer["label"] == label for answer, (_, label) in zip(answers, lines, strict=True) if answer["score"] >= 0.8
    ]

    confident = evaluate(copy, noisy)["confident"]

    assert confident["score"] == 0.8
    assert confident["coverage"]["value"] == pytest.approx(len(kept) / len(lines))
    assert confident["accuracy"]["value"] == pytest.approx(sum(kept) / len(kept))
