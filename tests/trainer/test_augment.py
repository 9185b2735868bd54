"""Augmentation: what real messages add to clean texts."""

import re

import pytest

from trainer.augment import CHANGES, augmented

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


def variants(count: int, share: float = 1.0) -> list[str]:
    return [augmented(TEXT, share, key=f"1 0 {row}") for row in range(count)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_change_occurs(kind: str) -> None:
    assert any(re.search(KINDS[kind], text) for text in variants(2000))


def test_a_key_gives_one_text_and_another_key_another() -> None:
    assert variants(50) == variants(50)
    assert len(set(variants(50))) > 40


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 430, 570), (1.0, 980, 1000)])
def test_the_share_of_the_texts_is_changed(share: float, least: int, most: int) -> None:
    changed = sum(text != TEXT for text in variants(1000, share))

    assert least <= changed <= most


def test_most_of_the_words_stay() -> None:
    for text in variants(500):
        assert len(set(TEXT.split()) & set(re.findall(r"\w+", text))) >= len(set(TEXT.split())) - 2, text


@pytest.mark.parametrize("text", ["", "   ", "a", "?", "😀", "é"])
def test_odd_texts_stand_every_change(text: str) -> None:
    for row in range(50 * len(CHANGES)):
        assert augmented(text, 1.0, key=str(row)).strip() or not text.strip()
