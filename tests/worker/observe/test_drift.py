"""Drift as a number: none for a stream like the reference, more the further it is away."""

import random
from itertools import pairwise

import pytest

from schemas.manifest import DriftReference, Histogram
from worker.errors import UserError
from worker.observe.drift import FEATURES, DriftWatch, _binned, distance

REFERENCE = DriftReference(
    labels={"sad": 0.3, "glad": 0.7},
    scores=Histogram(edges=[0, 0.5, 0.9, 1], shares=[0, 0.2, 0.8]),
    tokens=Histogram(edges=[0, 8, 16, 512], shares=[0.25, 0.5, 0.25]),
    unknown_token_share=0.0,
)


def feed(watch: DriftWatch, count: int, sad: float = 0.3, sure: float = 0.8, unknown: float = 0.0) -> None:
    chance = random.Random(7)  # noqa: S311 - to be repeatable
    scores = [0.95 if chance.random() < sure else 0.7 for _ in range(count)]
    tokens = [chance.choice([4, 10, 10, 30]) for _ in range(count)]
    is_sad = sum(chance.random() < sad for _ in range(count))
    watch.add({"sad": is_sad, "glad": count - is_sad}, scores, tokens, int(unknown * sum(tokens)))


def test_the_distance_is_0_for_the_same_1_for_nothing_in_common_and_symmetric() -> None:
    assert distance([2, 6], [1, 3]) == 0
    assert distance([1, 0], [0, 5]) == pytest.approx(1)
    assert distance([1, 2, 3], [3, 1, 1]) == distance([3, 1, 1], [1, 2, 3])


def test_the_distance_is_that_of_scipy() -> None:
    scipy = pytest.importorskip("scipy.spatial.distance")
    p, q = [0.1, 0.0, 0.4, 0.5], [0.3, 0.2, 0.5, 0.0]
    assert distance(p, q) == pytest.approx(scipy.jensenshannon(p, q, base=2))


def test_a_stream_like_the_reference_has_no_drift() -> None:
    watch = DriftWatch(REFERENCE)
    for _ in range(5):
        feed(watch, 1000)
    assert set(watch.distances()) == set(FEATURES)
    assert max(watch.distances().values()) < 0.05


@pytest.mark.parametrize(
    ("feature", "changed"), [("labels", {"sad": 0.8}), ("scores", {"sure": 0.3}), ("unknown_tokens", {"unknown": 0.2})]
)
def test_what_moves_away_is_told_apart_and_grows_with_the_distance(feature: str, changed: dict[str, float]) -> None:
    watch = DriftWatch(REFERENCE, records=4000)
    feed(watch, 4000)
    numbers = [watch.distances()]
    for _ in range(4):
        feed(watch, 1000, **changed)
        numbers.append(watch.distances())
    assert all(earlier[feature] < later[feature] for earlier, later in pairwise(numbers))
    assert numbers[-1][feature] > 0.2
    assert all(number < 0.05 for name, number in numbers[-1].items() if name != feature)


def test_labels_that_the_reference_does_not_know_are_far_from_it() -> None:
    watch = DriftWatch(REFERENCE, at_least=10)
    watch.add({"calm": 10}, [0.95] * 10, [10] * 10, 0)
    assert watch.distances()["labels"] == pytest.approx(1)
    watch.add({"sad": 3, "glad": 7}, [0.95] * 10, [10] * 10, 0)
    assert 0.4 < watch.distances()["labels"] < 0.8


def test_what_was_long_ago_is_forgotten() -> None:
    watch = DriftWatch(REFERENCE, records=2000)
    feed(watch, 2000, sad=1.0)
    assert watch.distances()["labels"] > 0.3
    for _ in range(20):
        feed(watch, 100)
    assert watch.distances()["labels"] < 0.05


def test_there_is_no_number_before_there_are_enough_records() -> None:
    watch = DriftWatch(REFERENCE)
    feed(watch, 999)
    assert watch.distances() == {}
    feed(watch, 1)
    assert len(watch.distances()) == 4


def test_a_value_on_an_edge_belongs_to_the_bin_above_and_one_beyond_to_the_last() -> None:
    assert _binned([0, 7, 8, 15.9, 16, 9999], [8, 16]) == [2, 2, 2]
    assert _binned([], [8, 16]) == [0, 0, 0]


@pytest.mark.parametrize(
    "histogram", [Histogram(edges=[0, 1], shares=[0.5, 0.5]), Histogram(edges=[0, 0.5, 1], shares=[0, 0])]
)
def test_a_reference_that_contradicts_itself_is_refused(histogram: Histogram) -> None:
    with pytest.raises(UserError, match=r"EMOTION_MODEL: `reference` in manifest\.json"):
        DriftWatch(REFERENCE.model_copy(update={"scores": histogram}))
