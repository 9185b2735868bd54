"""The score from which a label is confident, where it has to keep its word in several domains."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.data.domains import HOME
from trainer.evaluation.confidence import suggest_threshold
from trainer.evaluation.goals import Answers, held_out_shares, suggest_for_domains

NONE = np.array([])


def graded(*groups: tuple[float, int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Texts in groups of score, right ones and wrong ones."""
    scores = np.concatenate([np.full(right + wrong, score) for score, right, wrong in groups])
    marks = np.concatenate([np.array([True] * right + [False] * wrong) for _, right, wrong in groups])
    return scores, marks


HOME_GROUPS = graded((0.9, 100, 0), (0.8, 100, 0), (0.7, 100, 0), (0.6, 50, 50))


def test_without_more_domains_it_is_what_validation_suggests() -> None:
    suggestion = suggest_for_domains(Answers({HOME: HOME_GROUPS}, NONE))

    assert suggestion.score == suggest_threshold(*HOME_GROUPS) == pytest.approx(0.7)
    assert suggestion.missed == []


def test_it_is_the_lowest_score_from_which_each_domain_keeps_its_word() -> None:
    reddit = graded((0.9, 60, 0), (0.8, 60, 4), (0.7, 60, 20))
    tweets = graded((0.9, 99, 1), (0.8, 90, 10), (0.7, 100, 0))

    both = suggest_for_domains(Answers({HOME: HOME_GROUPS, "reddit": reddit}, NONE))
    assert both.score == pytest.approx(0.8)  # 120 of 124 right; with those of 0.7 it were 180 of 204
    three = suggest_for_domains(Answers({HOME: HOME_GROUPS, "reddit": reddit, "tweets": tweets}, NONE))
    assert three.score == pytest.approx(0.8)  # 189 of 200 are 94.5 %
    assert three.missed == []


def test_few_texts_without_a_feeling_are_confident() -> None:
    neutral = np.array([0.95] * 4 + [0.85] * 1 + [0.75] * 10 + [0.3] * 85)

    suggestion = suggest_for_domains(Answers({HOME: HOME_GROUPS}, neutral))

    assert suggestion.score == pytest.approx(0.9)
    assert suggestion.missed == []


def test_it_is_never_below_what_validation_suggests() -> None:
    reddit = graded((0.9, 100, 0), (0.5, 100, 0))

    assert suggest_for_domains(Answers({HOME: HOME_GROUPS, "reddit": reddit}, NONE)).score == pytest.approx(0.7)


def test_what_no_score_reaches_is_said_and_the_other_goals_are_kept() -> None:
    reddit = graded((0.9, 80, 20), (0.8, 90, 10), (0.7, 90, 10))
    neutral = np.array([0.75] * 30 + [0.3] * 70)

    suggestion = suggest_for_domains(Answers({HOME: HOME_GROUPS, "reddit": reddit}, neutral))

    # From 0.8 on 85 % are right, from 0.9 on 80 %; from 0.7 on 86.7 %, but there the neutral ones are confident.
    assert suggestion.score == pytest.approx(0.8)
    assert suggestion.missed == ["reddit: 85.00% of the confident labels are right, not 94%"]


def test_less_than_a_point_buys_no_higher_score() -> None:
    reddit = graded((0.9, 921, 79), (0.8, 919, 81))  # 92.1 % and 92.0 %: both lack two points

    assert suggest_for_domains(Answers({HOME: HOME_GROUPS, "reddit": reddit}, NONE)).score == pytest.approx(0.7)


def test_goals_that_exclude_each_other_are_said() -> None:
    neutral = np.array([0.95] * 10 + [0.3] * 90)
    few = graded((0.97, 10, 0), (0.7, 90, 0))

    suggestion = suggest_for_domains(Answers({HOME: HOME_GROUPS, "few": few}, neutral))

    assert suggestion.score == pytest.approx(0.7)
    assert suggestion.missed == ["texts without a feeling: 10.00% are confident, not at most 4%"]


def test_a_domain_that_keeps_too_few_texts_is_said() -> None:
    few = graded((0.75, 20, 0), (0.5, 40, 0))

    suggestion = suggest_for_domains(Answers({HOME: HOME_GROUPS, "few": few}, NONE))

    assert suggestion.missed == ["few: 20 labels are confident, not 50"]


def test_where_validation_has_no_threshold_there_is_none() -> None:
    suggestion = suggest_for_domains(Answers({HOME: graded((0.9, 50, 50)), "b": HOME_GROUPS}, NONE))

    assert suggestion.score is None
    assert suggestion.missed == ["validation: from no score on are 98% of 50 labels right"]


def test_held_out_shares_are_about_those_that_were_asked_for() -> None:
    rng = np.random.default_rng(0)

    def calibrated(lowest: float) -> tuple[NDArray[Any], NDArray[Any]]:
        scores = rng.uniform(lowest, 1, size=20_000)
        return scores, rng.random(20_000) < scores

    scores, right = calibrated(0.5)
    bold = rng.uniform(0.5, 1, size=20_000)
    answers = Answers(
        {HOME: (scores, right), "bold": (bold, rng.random(20_000) < bold - 0.05)}, rng.uniform(0.2, 1, size=20_000)
    )

    measured = held_out_shares(answers)

    assert measured is not None
    shares, without_feeling = measured
    # 98 % of validation asks for 0.96, 94 % of the bold domain for 0.98; 4 % of what is even from 0.2 on for 0.968.
    assert shares["bold"].accuracy == pytest.approx(0.94, abs=0.01)
    assert shares["bold"].coverage == pytest.approx(0.04, abs=0.03)
    assert shares[HOME].accuracy == pytest.approx(0.99, abs=0.01)
    assert without_feeling == pytest.approx(0.03, abs=0.015)


def test_no_half_suggests_a_score_and_so_nothing_is_held_out() -> None:
    assert held_out_shares(Answers({HOME: graded((0.9, 60, 0), (0.8, 30, 30))}, NONE)) is None
