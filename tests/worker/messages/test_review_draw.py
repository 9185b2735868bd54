"""The draw: as often as it says, the same each time, and within what people can read."""

import math
import random
from collections import Counter
from collections.abc import Iterable

import pytest

from schemas.review_record import ReviewReason
from worker.errors import UserError
from worker.flow import Attention, ModelInfo, Prediction, Request
from worker.messages.review_draw import DISAGREEING, Allowance, Drawn, Sampler, Strata, check_rare_labels

LABELS = ["sad", "glad", "odd"]
MODEL = ModelInfo("m", "1", LABELS, confident_score=0.6)
MULTI = ModelInfo("m", "1", LABELS, None, thresholds=[0.5, 0.5, 0.8])
RATES = {
    ReviewReason.RANDOM: 0.05,
    ReviewReason.NOT_CONFIDENT: 0.4,
    ReviewReason.CLOSE: 0.3,
    ReviewReason.RARE_LABEL: 0.2,
}
CONFIDENT, NOT_CONFIDENT, CLOSE, RARE = [0.9, 0.1, 0.0], [0.55, 0.35, 0.1], [0.5, 0.45, 0.05], [0.1, 0.1, 0.8]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def sampler(
    per_minute: int = 1 << 40, seed: int = 0, clock: Clock | None = None, attention: Attention | None = None
) -> Sampler:
    allowance = Allowance(per_minute, clock or Clock())
    return Sampler(Strata(MODEL, 0.1, ["odd"]), RATES, allowance, seed, attention or Attention())


def texts(scores: Iterable[list[float]], first: int = 0) -> list[tuple[str, Prediction]]:
    return [
        (f"in-0-{offset}", Prediction(Request(offset, "", "", None), 3, False, each))
        for offset, each in enumerate(scores, first)
    ]


def reasons_of(strata: Strata, scores: list[float]) -> set[str]:
    return set(strata(Prediction(Request(0, "", "", None), 3, False, scores)).reasons)


def offsets(drawn: Iterable[Drawn]) -> list[int]:
    return [each.prediction.request.index for each in drawn]


@pytest.mark.parametrize(
    ("scores", "reasons"),
    [
        (CONFIDENT, {"random"}),
        ([0.6, 0.4, 0.0], {"random"}),
        (NOT_CONFIDENT, {"random", "not_confident"}),
        (CLOSE, {"random", "not_confident", "close"}),
        ([0.05, 0.45, 0.5], {"random", "not_confident", "close", "rare_label"}),
        (RARE, {"random", "rare_label"}),
    ],
)
def test_reasons_are_those_that_hold_for_the_scores(scores: list[float], reasons: set[str]) -> None:
    assert reasons_of(Strata(MODEL, 0.1, ["odd"]), scores) == reasons


@pytest.mark.parametrize(
    ("scores", "reasons"),
    [
        ([0.9, 0.1, 0.1], {"random"}),
        ([0.9, 0.45, 0.1], {"random", "close"}),
        ([0.1, 0.1, 0.75], {"random", "not_confident", "close"}),
        ([0.9, 0.1, 0.95], {"random", "rare_label"}),
        ([0.3, 0.3, 0.3], {"random", "not_confident"}),
    ],
)
def test_a_multi_label_model_is_close_where_a_score_is_near_its_threshold(
    scores: list[float], reasons: set[str]
) -> None:
    assert reasons_of(Strata(MULTI, 0.1, ["odd"]), scores) == reasons


def test_a_model_without_a_threshold_is_never_not_confident() -> None:
    assert reasons_of(Strata(ModelInfo("m", "1", LABELS, None), 0.01), [0.4, 0.35, 0.25]) == {"random"}


def test_a_rare_label_must_be_one_of_the_models() -> None:
    with pytest.raises(
        UserError, match="EMOTION_REVIEW_RARE_LABELS: the model has no label joy; it has sad, glad, odd"
    ):
        check_rare_labels(["odd", "joy"], [MODEL])


def test_a_text_is_drawn_as_often_as_its_probability_says() -> None:
    many = 5_000
    for scores in (CONFIDENT, NOT_CONFIDENT, CLOSE, RARE):
        drawn, held_back = sampler().draw(texts([scores] * many))
        (probability,) = {each.probability for each in drawn}
        deviation = math.sqrt(many * probability * (1 - probability))
        assert abs(len(drawn) - many * probability) < 4 * deviation
        assert held_back == 0


def test_the_probability_is_that_of_the_likeliest_reason_and_each_reason_has_its_own_share() -> None:
    drawn, _ = sampler().draw(texts([CLOSE] * 20_000))
    assert {each.probability for each in drawn} == {0.4}
    counts = Counter(reason for each in drawn for reason in each.reasons)
    assert counts[ReviewReason.NOT_CONFIDENT] == len(drawn)
    for reason in (ReviewReason.RANDOM, ReviewReason.CLOSE):
        assert counts[reason] / 20_000 == pytest.approx(RATES[reason], rel=0.1)


def test_a_text_that_is_read_again_has_the_same_luck_whatever_window_it_is_in() -> None:
    stream = texts([CONFIDENT, NOT_CONFIDENT] * 1_000)
    once = offsets(sampler().draw(stream)[0])
    parts = [stream[:7], stream[7:900], stream[900:]]
    again = sampler()
    assert [offset for part in parts for offset in offsets(again.draw(part)[0])] == once
    assert len(once) > 300


def test_another_seed_draws_others() -> None:
    stream = texts([NOT_CONFIDENT] * 10_000)
    both = [set(offsets(sampler(seed=seed).draw(stream)[0])) for seed in (1, 2)]
    assert len(both[0] & both[1]) / 10_000 == pytest.approx(0.4 * 0.4, rel=0.1)


def test_while_the_stream_drifts_more_are_drawn_and_those_drawn_before_are_among_them() -> None:
    attention, stream = Attention(), texts([CONFIDENT, NOT_CONFIDENT] * 2_000)
    drifting = sampler(attention=attention)
    usual = drifting.draw(stream)[0]
    attention.factor = 4
    more = drifting.draw(stream)[0]
    assert {each.probability for each in usual} == {0.05, 0.4}
    assert {each.probability for each in more} == {0.2, 1.0}
    assert set(offsets(usual)) < set(offsets(more))


def test_what_is_drawn_a_minute_is_bounded_and_the_probability_says_so() -> None:
    clock = Clock()
    bounded, drawn, held_back = sampler(per_minute=60, clock=clock), 0, 0
    for window in range(600):  # ten minutes with 40 to be expected in each second
        clock.seconds = float(window)
        found, held = bounded.draw(texts([NOT_CONFIDENT] * 100, first=100 * window))
        drawn, held_back = drawn + len(found), held_back + held
        assert all(each.probability <= 0.4 for each in found)
    assert drawn == pytest.approx(60 * 11, rel=0.15)  # the first minute has that of the one before
    assert drawn + held_back == pytest.approx(0.4 * 60_000, rel=0.05)


def test_what_was_not_needed_is_kept_for_a_minute_and_no_longer() -> None:
    clock = Clock()
    allowance = Allowance(60, clock)
    assert allowance.share(30.0) == 1
    clock.seconds = 3_600.0
    assert allowance.share(120.0) == 0.5
    clock.seconds += 1
    assert allowance.share(4.0) == 0.25


def test_an_estimate_that_weighs_by_the_probability_has_no_bias_under_the_bound() -> None:
    """Wrong labels are more frequent among the not confident, and the bound bites in some windows only."""
    dice = random.Random(7)  # noqa: S311 - it decides nothing secret
    kinds = [(CONFIDENT, 0.95), (NOT_CONFIDENT, 0.5), (CLOSE, 0.4), (RARE, 0.7)]
    stream = [dice.choices(kinds, (80, 10, 5, 5))[0] for _ in range(4_000)]
    right = [dice.random() < share for _, share in stream]
    truth = sum(right) / len(right)
    estimates, naive = [], []
    for seed in range(40):
        clock = Clock()
        bounded, drawn = sampler(per_minute=300, seed=seed, clock=clock), []
        start = 0
        while start < len(stream):
            size = 50 if start % 3 else 1_000
            clock.seconds += 2.0
            window = texts([scores for scores, _ in stream[start : start + size]], first=start)
            drawn += bounded.draw(window)[0]
            start += size
        weights = [1 / each.probability for each in drawn]
        hits = [right[offset] for offset in offsets(drawn)]
        estimates.append(sum(w for w, hit in zip(weights, hits, strict=True) if hit) / len(stream))
        naive.append(sum(hits) / len(hits))
    mean = sum(estimates) / len(estimates)
    error = math.sqrt(sum((each - mean) ** 2 for each in estimates) / (len(estimates) - 1) / len(estimates))
    assert abs(mean - truth) < 3.5 * error < 0.08
    assert abs(sum(naive) / len(naive) - truth) > 0.1  # what a plain share of these answers would say


@pytest.mark.parametrize(("shift", "is_right"), [(0, True), (10_000, False)])
def test_texts_that_live_worker_and_challenger_draw_with_one_seed_estimate_the_stream(
    shift: int, is_right: bool
) -> None:
    """The larger probability of a text weighs it: right with one seed, and with two it would not be."""
    stream = texts([CONFIDENT, NOT_CONFIDENT] * 500)
    disputed = stream[::3]
    estimates = []
    for seed in range(300):
        challenger = Sampler(
            lambda _: DISAGREEING,
            {ReviewReason.DISAGREEMENT: 0.3},
            Allowance(1 << 40, Clock()),
            seed + shift,
            Attention(),
        )
        larger: dict[int, float] = {}
        for drawn in (*sampler(seed=seed).draw(stream)[0], *challenger.draw(disputed)[0]):
            index = drawn.prediction.request.index
            larger[index] = max(larger.get(index, 0), drawn.probability)
        estimates.append(sum(1 / probability for index, probability in larger.items() if index % 3 == 0))
    mean = sum(estimates) / len(estimates)
    error = math.sqrt(sum((each - mean) ** 2 for each in estimates)) / len(estimates)
    assert (abs(mean - len(disputed)) < 4 * error) == is_right
