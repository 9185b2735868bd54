"""The checker of `make stack` finds each thing that can go wrong."""

import pytest

from tests.stack.checker import Place, judge

WRITTEN = [(0, 0), (0, 1), (1, 0)]


def test_one_label_for_each_text_in_order_is_right() -> None:
    assert judge(WRITTEN, [(1, 0), (0, 0), (0, 1)]).is_right


@pytest.mark.parametrize(
    ("labelled", "wrong"),
    [
        ([(0, 0), (1, 0)], "lost"),
        ([(0, 0), (0, 1), (0, 1), (1, 0)], "twice"),
        ([(0, 1), (0, 0), (1, 0)], "out_of_order"),
        ([(0, 0), (0, 1), (0, 2), (1, 0)], "phantom"),
    ],
)
def test_each_anomaly_is_found_and_no_other(labelled: list[Place], wrong: str) -> None:
    verdict = judge(WRITTEN, labelled)
    assert not verdict.is_right
    found = {name for name in ("lost", "twice", "out_of_order", "phantom") if getattr(verdict, name)}
    assert found == {wrong}
    assert getattr(verdict, wrong) == 1
