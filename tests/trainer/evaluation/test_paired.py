"""Two models on the same texts."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.harness.answered_stream import AnsweredStream, answered_stream, drawn
from tests.harness.tiny_model import LABELS
from trainer.evaluation.paired import PairedFigures, paired_figures

EYE = np.eye(len(LABELS))


@pytest.fixture(scope="module")
def stream() -> AnsweredStream:
    return answered_stream(2.0)


def paired(right: list[int], old: list[int], new: list[int], weights: list[float] | None = None) -> PairedFigures:
    weighed = np.array(weights or [1.0] * len(right))
    return paired_figures(weighed, EYE[right], EYE[old], EYE[new], LABELS)


def test_the_p_value_is_mcnemars() -> None:
    right = [0] * 100
    old, new = [1] * 20 + [0] * 80, [0] * 15 + [1] * 12 + [0] * 73

    found = paired(right, old, new)

    assert found.p_value == pytest.approx(binomtest(15, 15 + 7).pvalue)
    assert found.accuracy.difference.value == pytest.approx(0.08)


def test_with_weights_the_p_value_is_that_of_all_ways_to_swap_the_models() -> None:
    weights = [1000.0, 100.0, 100.0, 100.0]

    found = paired([0] * 4, [1] * 4, [0] * 4, weights)

    assert found.p_value == pytest.approx(2 / 16, abs=0.01)  # all four, or none


def test_a_model_beside_itself_is_neither_better_nor_worse(stream: AnsweredStream) -> None:
    right, given = stream.right[:500].tolist(), stream.given[:500].tolist()

    found = paired(right, given, given)

    assert (found.p_value, found.changed, found.changes) == (1, 0, [])
    for each in (found.accuracy, found.macro_f1, *found.labels.values()):
        assert each.difference.value == 0
        assert each.verdict == "no difference shown"


def test_intervals_of_differences_hold(stream: AnsweredStream) -> None:
    rng = np.random.default_rng(3)
    old = stream.given
    new = np.where(rng.random(len(old)) < 0.1, rng.integers(6, size=len(old)), old)
    true = float((new == stream.right).mean() - (old == stream.right).mean())
    probabilities = stream.probabilities(10)
    held = []
    for _ in range(200):
        indices = drawn(probabilities, 400, rng)
        weights, right = 1 / probabilities[indices], EYE[stream.right[indices]]
        found = paired_figures(weights, right, EYE[old[indices]], EYE[new[indices]], LABELS).accuracy.difference
        held.append(found.low <= true <= found.high)

    assert true < -0.05
    assert 0.91 <= np.mean(held) <= 0.99


def test_labels_that_change_are_told_by_pair() -> None:
    right = [0, 0, 1, 2]
    old, new = [0, 0, 1, 1], [1, 1, 1, 2]

    found = paired(right, old, new, [3.0, 1.0, 4.0, 2.0])

    assert found.changed == pytest.approx(0.6)
    assert [(each.old, each.new, each.texts) for each in found.changes] == [("sadness", "joy", 2), ("joy", "love", 1)]
    assert [each.share for each in found.changes] == pytest.approx([0.4, 0.2])
    assert [(each.old_right, each.new_right) for each in found.changes] == [(1, 0), (0, 1)]
