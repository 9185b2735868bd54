"""Augmentation: what real messages add to clean texts."""

import re

import pytest

from trainer.preprocessing.augmentation import CHANGES, Augmentation

TEXT = "i feel rather lonely this evening and nobody called"
KINDS = {
    "final punctuation": r"called ?[.!?…]+$",
    "inner punctuation": r"\b(lonely|evening|nobody)( [-—/]|[,.;:!]+) ",
    "emoji": r"[\U0001F300-\U0001FAFF☕✨⏰]",
    "url": r"(https?://|www\.)\S+/\w+",
    "mention": r"(^| )@\w+",
    "hashtag of a word": r"#(lonely|evening|nobody)",
    "hashtag appended": r" #(monday|life|news)",
    "elongation": r"(eee|iii|ooo)",
    "swapped letters": r"\b(lnoely|ravther|rahter|evneing|nboody|noobdy|clalled|noboyd|loenly|lonley)\b",
    "dropped letter": r"\b(loely|lnely|ater|raher|rater|eening|evning|nbody|noody|noboy)\b",
    "doubled letter": r"\b(loonely|lonnely|raather|ratther|evvening|eveening|noobody|nobbody)\b",
}


EVERY = Augmentation(1.0)


def variants(count: int, augmentation: Augmentation = EVERY) -> list[str]:
    return [augmentation(TEXT, key=f"1 0 {row}") for row in range(count)]


def just(**weights: float) -> dict[str, float]:
    """Weights of these kinds and of no other."""
    return dict.fromkeys(CHANGES, 0.0) | weights


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_change_occurs(kind: str) -> None:
    assert any(re.search(KINDS[kind], text) for text in variants(2000))


def test_a_key_gives_one_text_and_another_key_another() -> None:
    assert variants(50) == variants(50)
    assert len(set(variants(50))) > 40


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 430, 570), (1.0, 980, 1000)])
def test_the_share_of_the_texts_is_changed(share: float, least: int, most: int) -> None:
    changed = sum(text != TEXT for text in variants(1000, Augmentation(share)))

    assert least <= changed <= most


def test_most_of_the_words_stay() -> None:
    for text in variants(500):
        assert len(set(TEXT.split()) & set(re.findall(r"\w+", text))) >= len(set(TEXT.split())) - 3, text


def test_a_kind_of_no_weight_never_occurs_and_one_of_more_weight_more_often() -> None:
    texts = variants(600, Augmentation(1.0, 1, just(typo=3, url=1)))

    links = sum(bool(re.search(KINDS["url"], text)) for text in texts)
    assert 100 <= links <= 200
    assert all(len(text.split()) == len(TEXT.split()) + bool(re.search(KINDS["url"], text)) for text in texts)


def test_a_text_gets_several_changes_of_one_kind() -> None:
    changed = [
        sum(word != before for word, before in zip(text.split(), TEXT.split(), strict=True))
        for text in variants(300, Augmentation(1.0, 6, just(typo=1)))
    ]

    assert min(changed) >= 0
    assert max(changed) >= 4
    assert 2 < sum(changed) / len(changed) < 3.5


def test_a_rare_word_is_mistyped_more_often() -> None:
    counts = {"feel": 10_000, "this": 10_000, "lonely": 25} | dict.fromkeys(
        ("rather", "evening", "nobody", "called"), 400
    )
    texts = variants(1000, Augmentation(1.0, 1, just(typo=1), counts))

    mistyped = [
        next(before for word, before in zip(text.split(), TEXT.split(), strict=True) if word != before)
        for text in texts
        if text != TEXT
    ]
    # By the inverse roots: 1/100 twice, 1/20 four times and 1/5 are 0.42 together.
    assert 0.41 < mistyped.count("lonely") / len(mistyped) < 0.55
    assert 0.07 < mistyped.count("rather") / len(mistyped) < 0.17
    assert mistyped.count("feel") / len(mistyped) < 0.05


@pytest.mark.parametrize("text", ["", "   ", "a", "?", "😀", "é"])
def test_odd_texts_stand_every_change(text: str) -> None:
    for row in range(50 * len(CHANGES)):
        assert Augmentation(1.0)(text, key=str(row)).strip() or not text.strip()
