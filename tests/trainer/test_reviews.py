"""`emotion-trainer reviews` and `compare` as their user meets them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.harness.answered_stream import answer_records, answered_stream, drawn
from tests.harness.tiny_model import LABELS, write_tiny_model
from tests.trainer.conftest import WORDS, make_rows, write_json_lines, write_text_file
from trainer.__main__ import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two people said of a stream; one of them is wrong now and then."""
    stream = answered_stream(2.8, texts=20_000)
    probabilities = stream.probabilities(10)
    first = answer_records(stream, probabilities, drawn(probabilities, 300, np.random.default_rng(1)))
    second = [
        each | {"annotator": "grace", **({"answer": "joy"} if n % 9 == 0 else {})} for n, each in enumerate(first)
    ]
    return write_json_lines(tmp_path_factory.mktemp("answers") / "answers.jsonl", first + second)


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the same labels that has learnt nothing."""
    return write_tiny_model(tmp_path_factory.mktemp("other") / "untrained")


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Answers to texts that the trained model knows the words of."""
    rows = [
        {
            "origin": f"t-0-{n}",
            "text": f"{text} {n}",
            "label": label,
            "probability": 0.1 if n % 2 else 0.01,
            "answer": label,
        }
        for n, (text, label) in enumerate(make_rows(WORDS, 240, seed=9))
    ]
    rows[0] |= {"answer": ""}
    return write_json_lines(tmp_path_factory.mktemp("reviewed") / "reviewed.jsonl", rows)


def test_the_page_says_how_right_the_labels_are(answers: Path, capsys: Capture) -> None:
    assert run(["reviews", str(answers)]) == 0

    page = capsys.readouterr().out
    for part in ("| accuracy: ", "| macro-F1: ", "| ECE: ", "| right of the confident: ", "Krippendorff's alpha is"):
        assert part in page
    assert "| ada and grace | " in page
    assert "text number" not in page


def test_page_figures_and_pictures_are_written(answers: Path, tmp_path: Path) -> None:
    output = tmp_path / "report"

    assert run(["reviews", str(answers), "--output", str(output)]) == 0

    figures = json.loads((output / "reviews.json").read_text(encoding="utf-8"))
    page = (output / "reviews.md").read_text(encoding="utf-8")
    assert 0 < figures["figures"]["accuracy"]["low"] < figures["figures"]["accuracy"]["value"]
    for name in ("intervals", "confusion", "reliability"):
        assert f"![{name}]({name}.png)" in page
        with Image.open(output / f"{name}.png") as picture:
            assert picture.width > 300


def test_a_label_of_the_model_that_is_not_among_those_given_is_named(answers: Path, capsys: Capture) -> None:
    assert run(["reviews", str(answers), "--labels", "sadness", "anger"]) == 2
    assert "is not among --labels sadness, anger" in capsys.readouterr().err


def test_a_worse_model_ends_with_1_and_is_named(artifact: Path, other_model: Path, data: Path, capsys: Capture) -> None:
    assert run(["compare", str(artifact), str(other_model), "--data", str(data)]) == 1

    out, error = capsys.readouterr()
    assert error.splitlines()[-1].startswith(
        f"emotion-trainer: {other_model} is worse beyond --margin 0.01: accuracy on "
    )
    assert "- validation: worse, accuracy -" in out
    assert "## Labels that would change" in out


def test_a_better_model_and_a_loss_within_the_margin_end_with_0(artifact: Path, other_model: Path, data: Path) -> None:
    assert run(["compare", str(other_model), str(artifact), "--data", str(data)]) == 0
    assert run(["compare", str(artifact), str(other_model), "--data", str(data), "--margin", "1"]) == 0


def test_reviews_and_domains_are_compared_by_themselves(
    artifact: Path, other_model: Path, reviewed: Path, data: Path, tmp_path: Path, capsys: Capture
) -> None:
    domains = [{"name": "others", "data": str(write_text_file(tmp_path / "o.txt", make_rows(WORDS, 60, seed=4)))}]
    (tmp_path / "domains.json").write_text(json.dumps(domains), encoding="utf-8")
    given = ("--data", str(data), "--reviews", str(reviewed), "--datasets", str(tmp_path / "domains.json"))

    assert run(["compare", str(other_model), str(artifact), *given, "--json"]) == 0

    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert list(found["data"]) == ["validation", "reviews", "others"]
    assert 80 < found["data"]["reviews"]["texts"] < 160  # the half that measures
    for on in found["data"].values():
        assert on["paired"]["accuracy"]["difference"]["low"] > 0
        assert on["paired"]["p_value"] < 0.01
        assert set(on["paired"]["labels"]) == set(LABELS)
        assert on["new"]["confident"] is None or on["new"]["confident"]["value"] > 0
    for model in ("old", "new"):
        assert found[model]["bytes"] > 4 * found[model]["parameters"] * 0.9
        assert found[model]["texts_per_second"] > 0


def test_the_page_of_a_comparison_is_written(artifact: Path, reviewed: Path, tmp_path: Path) -> None:
    output = tmp_path / "comparison"

    assert run(["compare", str(artifact), str(artifact), "--reviews", str(reviewed), "--output", str(output)]) == 0

    page = (output / "comparison.md").read_text(encoding="utf-8")
    assert "- The new model is within the margin of 0.01." in page
    assert "  Not used: skipped or not answered: 1." in page
    assert "On reviews 0.0% of the texts get another label." in page
    assert json.loads((output / "comparison.json").read_text(encoding="utf-8"))["worse"] == []


def test_models_of_other_labels_or_several_are_refused(
    artifact: Path, data: Path, tmp_path: Path, capsys: Capture
) -> None:
    others = write_tiny_model(tmp_path / "others", id2label={0: "yes", 1: "no"})
    several = write_tiny_model(tmp_path / "several", problem_type="multi_label_classification")

    for model, told in (
        (others, "its labels are yes, no, but those of"),
        (several, "gives any number of labels a text"),
    ):
        assert run(["compare", str(artifact), str(model), "--data", str(data)]) == 2
        assert f"{model}: {told}" in capsys.readouterr().err
