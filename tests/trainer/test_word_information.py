"""What a word tells of the label."""

from math import log

import pytest

from trainer.word_information import word_information


def test_a_word_of_one_label_alone_tells_more_than_one_of_all() -> None:
    told = word_information(["Feel lonely"] * 50 + ["feel glad"] * 50, [0] * 50 + [1] * 50)

    assert told["feel"] == pytest.approx(0.0, abs=1e-12)
    # 52.5 of 55 texts with those five of all labels, against a half
    assert told["lonely"] == pytest.approx(52.5 / 55 * log(52.5 / 27.5) + 2.5 / 55 * log(2.5 / 27.5))
    assert told["lonely"] == pytest.approx(told["glad"])


def test_a_word_that_occurs_once_tells_little() -> None:
    told = word_information(
        ["so lonely", "so glad", "so lonely today", "so glad"] * 5 + ["so odd"], [0, 1, 0, 1] * 5 + [1]
    )

    assert 0 < told["odd"] < told["lonely"] / 5


def test_a_word_counts_once_in_a_text_and_without_its_case() -> None:
    assert word_information(["LONELY lonely", "glad"], [0, 1]) == word_information(["lonely", "glad"], [0, 1])


def test_shares_of_labels_count_as_such() -> None:
    hard = word_information(["lonely", "glad"], [0, 1])

    assert word_information(["lonely", "glad"], [[1.0, 0.0], [0.0, 1.0]]) == hard
    assert 0 < word_information(["lonely", "glad"], [[0.8, 0.2], [0.2, 0.8]])["lonely"] < hard["lonely"]


def test_no_texts_tell_nothing() -> None:
    assert word_information([], []) == {}
