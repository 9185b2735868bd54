"""The sentences of the kinds that users send, and what models whose behaviour is known make of them."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.data.labels import EMOTION_LABELS
from trainer.evaluation.decision import OneLabel
from trainer.evaluation.feelings import KindFigures, as_table, read_sentences, run_sentences

LEAST = {
    "negated": 120,
    "kept": 30,
    "contrast": 40,
    "irony": 30,
    "quoted": 15,
    "question": 30,
    "praise": 30,
    "complaint": 30,
    "one word": 20,
    "emoji": 20,
}
ALIKE = 0.5  # so many of two sentences' words are in both: "not glad with it", "not happy with it"
SENTENCES = read_sentences()


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+|[^\w\s.,!?]", text.lower().replace("'", "").replace("\ufe0f", "")))


def half(name: str) -> list[str]:
    return [sentence.text for sentence in SENTENCES if sentence.half == name]


def answers(label: Callable[[str], str], sure: float = 0.9) -> Callable[[Sequence[str]], NDArray[Any]]:
    """A model that gives each text a label, with one score."""

    def score(texts: Sequence[str]) -> NDArray[Any]:
        scores = np.full((len(texts), len(EMOTION_LABELS)), (1 - sure) / (len(EMOTION_LABELS) - 1))
        scores[np.arange(len(texts)), [EMOTION_LABELS.index(label(text)) for text in texts]] = sure
        return scores

    return score


def figures(
    model: Callable[[Sequence[str]], NDArray[Any]], threshold: float | None
) -> dict[tuple[str, str], KindFigures]:
    return {(found.kind, found.half): found for found in run_sentences(model, OneLabel(threshold), EMOTION_LABELS)}


def test_there_are_enough_of_each_kind_half_of_them_kept() -> None:
    counts = Counter((sentence.kind, sentence.half) for sentence in SENTENCES)
    assert {kind for kind, _ in counts} == set(LEAST)
    for kind, least in LEAST.items():
        assert counts[kind, "seen"] == counts[kind, "kept"] >= least / 2


def test_the_labels_are_those_of_the_model_and_none_is_right_and_wrong() -> None:
    for sentence in SENTENCES:
        assert set(sentence.right) | set(sentence.wrong) <= set(EMOTION_LABELS)
        assert not set(sentence.right) & set(sentence.wrong), sentence.text
        if sentence.kind == "negated":
            assert sentence.wrong
            assert ("love" in sentence.wrong) <= ("joy" in sentence.wrong), sentence.text


def test_no_sentence_is_there_twice() -> None:
    forms = Counter(words(sentence.text) for sentence in SENTENCES)
    assert {tuple(form) for form, count in forms.items() if count > 1} == set()
    assert all(words(sentence.text) for sentence in SENTENCES)


def test_no_sentence_that_is_kept_is_nearly_one_that_was_seen() -> None:
    alike = [
        (seen, kept)
        for seen in half("seen")
        for kept in half("kept")
        if len(words(seen) & words(kept)) >= ALIKE * len(words(seen) | words(kept))
    ]
    assert alike == []


def test_a_model_that_is_sure_of_joy_is_right_where_joy_is() -> None:
    found = figures(answers(lambda _: "joy"), 0.8)

    irony, praise, question = (found[kind, "kept"] for kind in ("irony", "praise", "question"))
    assert (irony.right, irony.wrong, irony.confidently_wrong, irony.confident) == (0, 1, 1, 1)
    assert (praise.right, praise.wrong, praise.confidently_wrong) == (1, 0, 0)
    assert (question.texts, question.right, question.wrong, question.confidently_wrong) == (18, 0, None, None)
    negated = [sentence for sentence in SENTENCES if (sentence.kind, sentence.half) == ("negated", "kept")]
    assert found["negated", "kept"].wrong == sum("joy" in sentence.wrong for sentence in negated) / len(negated)


def test_a_model_that_is_never_sure_is_right_where_no_feeling_is() -> None:
    found = figures(answers(lambda _: "joy", sure=0.5), 0.8)

    assert found["question", "kept"].right == 1
    assert (found["irony", "seen"].wrong, found["irony", "seen"].confidently_wrong) == (1, 0)
    assert {kind.confident for kind in found.values()} == {0}


def test_a_score_at_the_threshold_is_confident() -> None:
    assert figures(answers(lambda _: "joy", sure=0.75), 0.75)["question", "kept"].confident == 1


def test_without_a_threshold_no_sentence_tells_of_confidence() -> None:
    found = figures(answers(lambda _: "joy"), None)

    question, praise = found["question", "kept"], found["praise", "kept"]
    assert (question.right, question.confident, praise.confidently_wrong) == (None, None, None)
    assert praise.right == 1
    assert "nan" not in as_table(list(found.values())).lower()


def test_sentences_of_labels_that_a_model_lacks_are_left_out() -> None:
    few = ["sadness", "fear"]
    found = run_sentences(lambda texts: np.array([[0.0, 1.0]] * len(texts)), OneLabel(0.5), few)

    of = {(kind.kind, kind.half): kind.texts for kind in found}
    assert of["question", "kept"] == 18
    known = [sentence for sentence in SENTENCES if {*sentence.right, *sentence.wrong} <= set(few)]
    assert sum(of.values()) == len(known) < len(SENTENCES)


@pytest.mark.parametrize("known", ["kept", "seen"])
def test_the_table_shows_both_halves_side_by_side(known: str) -> None:
    texts = set(half(known))
    table = as_table(list(figures(answers(lambda text: "joy" if text in texts else "fear"), 0.8).values()))

    row = next(line.split() for line in table.splitlines() if line.startswith("praise"))
    right, not_right = "100.0%", "0.0%"
    pairs = [right, not_right] if known == "kept" else [not_right, right]
    wrong = pairs[::-1]
    assert row == ["praise", "18", "18", *pairs, *wrong, *wrong, "100.0%", "100.0%"]
