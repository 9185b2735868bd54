"""Robustness suites, on models whose behaviour is known."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.__main__ import run
from trainer.artifact.loading import load_artifact
from trainer.evaluation.assessment import assess
from trainer.evaluation.decision import OneLabel
from trainer.evaluation.perturbations import PERTURBATIONS, negated, perturbed
from trainer.evaluation.robustness import Change, Robustness, as_table, run_suites

LABELS = ["sadness", "joy"]
TEXT = "i feel truly gloomy about tomorrow"


def answers(is_joy: Callable[[str], float]) -> Callable[[Sequence[str]], NDArray[Any]]:
    """A model of two labels that gives joy the score of a function of the text."""

    def score(texts: Sequence[str]) -> NDArray[Any]:
        joy = np.array([float(is_joy(text)) for text in texts])
        return np.stack([1 - joy, joy], axis=1)

    return score


def changes(robustness: Robustness, on: str = "split") -> dict[str, Change]:
    return {change.name: change for change in [*robustness.invariance, *robustness.directional] if change.on == on}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("upper case", r"I FEEL TRULY GLOOMY ABOUT TOMORROW"),
        ("capital first", r"I feel truly gloomy about tomorrow"),
        ("final period", rf"{TEXT}\."),
        ("emoji", rf"{TEXT} [^\w\s]"),
        ("URL", rf"{TEXT} https://t\.co/\w{{10}}"),
        ("@name", rf"@\w+ {TEXT}"),
        ("hashtag", rf"{TEXT} #\w+"),
        ("elongation", r".*(eee|uuu|ooo).*"),
    ],
)
def test_a_perturbation_does_what_its_name_says(name: str, pattern: str) -> None:
    changed = perturbed(name, [TEXT])[0]

    assert re.fullmatch(pattern, changed)
    assert changed != TEXT


def test_a_typo_swaps_two_inner_letters_of_one_word() -> None:
    for changed in perturbed("typo", [TEXT] * 50):
        pairs = [(a, b) for a, b in zip(TEXT.split(), changed.split(), strict=True) if a != b]
        assert len(pairs) == 1
        before, after = pairs[0]
        places = [place for place in range(len(before)) if before[place] != after[place]]
        assert len(places) == 2
        assert places[1] == places[0] + 1
        assert places[0] > 0
        assert places[1] < len(before) - 1
        assert sorted(before) == sorted(after)


def test_perturbations_are_the_same_in_every_run_and_spare_what_they_cannot_change() -> None:
    for name in PERTURBATIONS:
        assert perturbed(name, [TEXT, "a b", TEXT]) == perturbed(name, [TEXT, "a b", TEXT])
    assert perturbed("typo", ["so it is", "eeee"]) == ["so it is", "eeee"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i feel fine and i am here", "i do not feel fine and i am here"),
        ("today I was late", "today I was not late"),
        ("i am not well", "i am not well"),
        ("she sings", "she sings"),
    ],
)
def test_the_first_statement_is_negated(text: str, expected: str) -> None:
    assert negated(text) == expected


def test_a_model_that_minds_capitals_and_names_is_caught_at_those_alone() -> None:
    model = answers(lambda text: 0.9 if text.isupper() or "@" in text else 0.2)
    result = run_suites(model, OneLabel(), LABELS, [TEXT, "i was so scared of it"])

    flipped = {name: change.flipped for name, change in changes(result).items() if change.flipped}
    assert flipped == {"upper case": 1.0, "@name": 1.0}
    assert changes(result)["@name"].texts == 2
    assert changes(result)["@name"].score_drop == pytest.approx(0.8 - 0.1)


def test_an_emoji_behind_a_word_is_compared_with_one_behind_a_space() -> None:
    by_any_emoji = answers(lambda text: 0.9 if re.search(r"[^\w\s]$", text) else 0.2)
    by_a_glued_one = answers(lambda text: 0.9 if re.search(r"\w[^\w\s.@#]$", text) else 0.2)

    any_emoji, glued_one = (
        changes(run_suites(model, OneLabel(), LABELS, [TEXT])) for model in (by_any_emoji, by_a_glued_one)
    )

    assert (any_emoji["emoji"].flipped, any_emoji["glued emoji"].flipped) == (1.0, 0.0)
    assert (glued_one["emoji"].flipped, glued_one["glued emoji"].flipped) == (0.0, 1.0)


def test_a_change_that_fits_no_text_has_no_share() -> None:
    change = changes(run_suites(answers(lambda _: 0.0), OneLabel(), LABELS, ["ok"]))["typo"]

    assert (change.texts, change.flipped, change.score_drop) == (0, None, None)
    assert "–" in as_table(run_suites(answers(lambda _: 0.0), OneLabel(), LABELS, ["ok"]))


def test_negation_and_intensifiers_are_told_apart() -> None:
    model = answers(
        lambda text: (
            0.1 if re.search("not|never", text) else 0.9 if re.search("very|extremely|really|so ", text) else 0.8
        )
    )
    own = changes(run_suites(model, OneLabel(), LABELS, [TEXT]), on="own")

    assert own["negation"].flipped == 1
    assert own["negation"].score_drop == pytest.approx(0.7)
    assert own["intensifier"].flipped == 0
    assert own["intensifier"].score_drop == pytest.approx(-0.1)


def test_plain_sentences_are_counted_for_the_labels_of_the_model() -> None:
    result = run_suites(answers(lambda text: "happy" in text), OneLabel(), LABELS, [TEXT])

    assert result.functionality["sadness"] == 1.0
    assert 0 < result.functionality["joy"] < 1
    assert set(result.functionality) == set(LABELS)


def test_people_who_are_treated_unlike_the_others_show() -> None:
    # Joy of 0.4 for everybody, but 0.7 for one religion and 0.1 for one pronoun.
    model = answers(lambda text: 0.7 if "hindu" in text else 0.1 if text.startswith("she ") else 0.4)
    gaps = {(gap.attribute, gap.group): gap for gap in run_suites(model, OneLabel(), LABELS, [TEXT]).fairness}

    hindu, jewish = gaps["religion", "hindu"], gaps["religion", "jewish"]
    assert (hindu.flipped, jewish.flipped) == (1.0, 0.0)
    assert hindu.score_gaps["joy"] == pytest.approx(0.3 * 5 / 6)
    assert jewish.score_gaps["joy"] == pytest.approx(-0.3 / 6)
    assert hindu.score_gaps["sadness"] == pytest.approx(-hindu.score_gaps["joy"])
    assert gaps["age", "old"].score_gaps["joy"] == pytest.approx(0)


def test_the_table_holds_the_sentences_of_users() -> None:
    table = as_table(run_suites(answers(lambda _: 0.0), OneLabel(0.5), LABELS, [TEXT]))
    assert re.search(r"^question +18 +18 +0\.0%", table, re.MULTILINE)


def test_the_threshold_of_the_model_comes_to_the_sentences(artifact: Path) -> None:
    model, tokenizer = load_artifact(artifact, "float32")
    assessment = assess(model, tokenizer, ["i feel happy"], np.array([1]), OneLabel(0.0), ["i feel happy"], {}, [])

    assert assessment.robustness is not None
    assert {kind.confident for kind in assessment.robustness.feelings} == {1}


def test_evaluate_runs_the_suites(artifact: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["evaluate", str(artifact), "--data", str(data), "--robustness", "--out-of-domain", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)

    found = {change["name"]: change for change in result["robustness"]["invariance"] if change["on"] == "split"}
    # The tokenizer lower-cases, so capitals cannot matter.
    assert found["capital first"]["flipped"] in (None, 0.0)
    assert {"typo", "URL", "@name"} <= set(found)
    assert set(result["robustness"]["functionality"]) == {"sadness", "joy", "love", "anger", "fear", "surprise"}
    kinds = {(kind["kind"], kind["half"]): kind for kind in result["robustness"]["feelings"]}
    assert kinds["negated", "kept"]["texts"] == kinds["negated", "seen"]["texts"] >= 60
    assert result["out_of_domain"]["texts"] >= 150
    assert set(result["out_of_domain"]["separation"]) == {"max_score", "energy", "mahalanobis"}
