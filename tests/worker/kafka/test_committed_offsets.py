"""What is known to be committed wins over a coordinator that has forgotten it, and the outputs over both."""

from collections.abc import Collection

import pytest

from worker.flow import Partition
from worker.kafka.committed_offsets import CommittedOffsets, Written

P0, P1 = Partition("in", 0), Partition("in", 1)


def test_the_coordinators_offset_holds_as_long_as_nothing_later_is_known() -> None:
    offsets = CommittedOffsets()
    assert offsets.join(3, [P0])
    assert (offsets.at_least(P0, 5), offsets.at_least(P1, None)) == (5, None)
    offsets.add({P0: 7})
    assert offsets.join(4, [P0])
    assert offsets.at_least(P0, 9) == 9  # another process went on


def test_an_offset_before_a_commit_of_this_process_is_not_followed() -> None:
    offsets = CommittedOffsets()
    offsets.add({P0: 7})
    offsets.add({P0: 9})
    assert offsets.at_least(P0, 2) == 9


def test_a_group_without_an_offset_starts_anew_unless_its_generation_went_back() -> None:
    for generation, expected in ((6, None), (1, 7)):  # None: its topic was made anew, say
        offsets = CommittedOffsets()
        offsets.join(5, [P0])
        offsets.add({P0: 7})
        offsets.join(generation, [P0])
        assert offsets.at_least(P0, None) == expected


def test_from_when_the_generation_went_back_the_outputs_are_asked_at_every_rejoin() -> None:
    asked = []

    def find_answered(partitions: Collection[Partition]) -> dict[Partition, int]:
        asked.append(partitions)
        return {P0: 40, P1: 50 + len(asked)}

    offsets = CommittedOffsets(find_answered)
    assert offsets.join(180, [P0, P1])
    assert offsets.join(181, [P0, P1])
    assert asked == []
    offsets.add({P0: 45})
    assert offsets.join(33, [P0, P1])
    assert (offsets.at_least(P0, 10), offsets.at_least(P1, 10)) == (45, 51)
    assert offsets.join(34, [P1])
    assert offsets.at_least(P1, 10) == 52
    assert asked == [[P0, P1], [P1]]


def test_nothing_is_read_while_the_outputs_cannot_tell() -> None:
    answers = iter([None, {P0: 40}])
    offsets = CommittedOffsets(lambda _: next(answers))
    offsets.join(180, [P0])
    assert not offsets.join(33, [P0])
    assert offsets.join(33, [P0])
    assert offsets.at_least(P0, 10) == 40


def test_the_outputs_tell_of_some_partitions_also_where_the_coordinator_gives_no_answer() -> None:
    offsets = CommittedOffsets(lambda _: {P0: 40})
    offsets.join(180, [P0, P1])
    offsets.add({P1: 30})
    assert not offsets.is_answered(P0)
    offsets.join(33, [P0, P1])
    assert offsets.is_answered(P0)
    assert offsets.at_least(P0, None) == 40
    assert not offsets.is_answered(P1)
    assert offsets.at_least(P1, 35) == 35  # others went on, and retention has taken their answers


def test_a_later_offset_than_the_outputs_tell_counts() -> None:
    offsets = CommittedOffsets(lambda _: {P0: 40})
    offsets.join(180, [P0])
    offsets.join(33, [P0])
    assert offsets.at_least(P0, 43) == 43  # behind 40 others passed on tombstones, which name no origin


LABEL, LETTER = (Partition("out", 0), 117), (Partition("dead", 0), 3)  # of the window that ends at 20
NEXT_LABEL = (Partition("out", 0), 130)  # of the one that ends at 30
OTHER_LABEL = (Partition("out", 1), 50)


class Outputs:
    """What readers of committed records see; None while that cannot be known."""

    def __init__(self, seen: dict[Written, bool] | None) -> None:
        self.seen = seen
        self.asked: list[Written] = []

    def __call__(self, outcomes: Collection[Written]) -> dict[Written, bool] | None:
        self.asked = list(outcomes)
        if self.seen is None and outcomes:
            return None
        return {outcome: seen for outcome, seen in (self.seen or {}).items() if outcome in outcomes}


def after_a_failure(outputs: Outputs, written: Collection[Written] = ()) -> CommittedOffsets:
    """Windows that end at 10 and 20 were committed, and the transaction of one that ends at 30 has failed.

    The other partition had something in the first one alone.
    """
    offsets = CommittedOffsets(find_visible=outputs)
    offsets.join(1, [P0, P1])
    offsets.add({P0: 10, P1: 5}, [OTHER_LABEL])
    offsets.add({P0: 20}, [LABEL, LETTER])
    offsets.doubt({P0: 30}, written)
    return offsets


@pytest.mark.parametrize(
    ("seen", "committed", "found"),
    [
        ({LABEL: True, LETTER: True}, 20, 20),  # nothing was undone
        ({LABEL: False, LETTER: False}, 10, 10),  # the last one was, although it had been acknowledged
        ({LABEL: False, LETTER: False}, 20, 10),  # in the outputs, not in the group
        ({LABEL: True, LETTER: True}, 10, 20),  # in the group, not in the outputs
        ({LABEL: True, LETTER: False}, 20, 10),  # in one topic: some come again, none is lost
        ({LABEL: True}, 20, 20),  # retention has taken the other,
        ({LABEL: True}, 10, 10),  # so what the group says must do
        ({LABEL: False, LETTER: False}, 40, 40),  # another process went on in the meantime
    ],
)
def test_after_a_failure_the_outputs_tell_what_is_committed(
    seen: dict[Written, bool], committed: int, found: int
) -> None:
    outputs = Outputs({OTHER_LABEL: True} | seen)
    offsets = after_a_failure(outputs)
    assert offsets.join(1, [P0, P1])
    assert sorted(outputs.asked) == sorted([LABEL, LETTER, OTHER_LABEL])  # of each partition the last ones
    assert (offsets.at_least(P0, committed), offsets.at_least(P1, 5)) == (found, 5)


def test_a_commit_before_the_last_one_may_be_undone_as_well() -> None:
    offsets = after_a_failure(Outputs({LABEL: True, LETTER: True, OTHER_LABEL: False}))
    offsets.join(1, [P0, P1])
    assert offsets.at_least(P0, 20) == 20
    assert offsets.at_least(P1, 5) is None


@pytest.mark.parametrize("committed", [25, 30])
def test_what_another_process_had_in_the_meantime_is_not_in_doubt(committed: int) -> None:
    outputs = Outputs({LABEL: True, LETTER: True})
    offsets = after_a_failure(outputs)
    offsets.join(2, [P1])
    offsets.join(3, [P0, P1])
    assert offsets.at_least(P0, committed) == committed


@pytest.mark.parametrize(("is_seen", "found"), [(True, 20), (False, None)])
def test_windows_that_nothing_left_for_do_not_hide_that_the_one_before_was_undone(
    is_seen: bool, found: int | None
) -> None:
    offsets = CommittedOffsets(find_visible=Outputs({LABEL: is_seen, NEXT_LABEL: False}))
    offsets.join(1, [P0])
    offsets.add({P0: 10}, [LABEL])
    offsets.add({P0: 15})
    offsets.add({P0: 20})
    offsets.doubt({P0: 30}, [NEXT_LABEL])
    offsets.join(1, [P0])
    assert offsets.at_least(P0, 20) == found


def test_without_any_outcome_the_coordinator_is_followed() -> None:
    offsets = CommittedOffsets()
    offsets.join(1, [P0])
    offsets.add({P0: 20})
    offsets.doubt({P0: 30}, [])
    offsets.join(1, [P0])
    assert offsets.at_least(P0, 30) == 30  # it was committed, though the answer was lost


@pytest.mark.parametrize(("is_seen", "found"), [(True, 30), (False, 20)])
def test_a_commit_without_an_answer_counts_if_its_outcomes_are_seen(is_seen: bool, found: int) -> None:
    offsets = after_a_failure(Outputs({LABEL: True, LETTER: True, NEXT_LABEL: is_seen}), [NEXT_LABEL])
    offsets.join(1, [P0, P1])
    assert offsets.at_least(P0, found) == found


def test_nothing_is_read_while_it_cannot_be_known_what_is_committed() -> None:
    outputs = Outputs(None)
    offsets = after_a_failure(outputs)
    assert not offsets.join(1, [P0])
    outputs.seen = {LABEL: False, LETTER: False}
    assert offsets.join(2, [P0])
    assert offsets.at_least(P0, 20) == 10


def test_a_first_window_that_was_undone_begins_where_the_group_begins() -> None:
    offsets = CommittedOffsets(find_visible=Outputs({LABEL: False}))
    offsets.join(1, [P0])
    assert offsets.at_least(P0, None) is None
    offsets.add({P0: 20}, [LABEL])
    offsets.doubt({P0: 30}, [])
    offsets.join(1, [P0])
    assert offsets.at_least(P0, 20) is None


def test_an_offset_that_is_too_high_is_not_followed_until_the_next_commit() -> None:
    offsets = after_a_failure(Outputs({LABEL: False, LETTER: False}))
    for generation in (1, 2):
        offsets.join(generation, [P0])
        assert offsets.at_least(P0, 20) == 10
    offsets.add({P0: 15})
    offsets.join(3, [P0])
    assert offsets.at_least(P0, 18) == 18  # another process went on


def test_what_others_committed_in_between_is_not_in_doubt() -> None:
    outputs = Outputs({LABEL: False})
    offsets = CommittedOffsets(find_visible=outputs)
    offsets.join(1, [P0])
    offsets.add({P0: 20}, [LABEL])
    offsets.join(2, [P0])
    assert offsets.at_least(P0, 90) == 90
    offsets.doubt({P0: 99}, [])
    offsets.join(2, [P0])
    assert offsets.at_least(P0, 90) == 90
    assert outputs.asked == []


def test_a_coordinator_that_has_forgotten_is_not_followed_after_a_failure_either() -> None:
    outputs = Outputs({LABEL: False})
    offsets = CommittedOffsets(lambda _: {P0: 10}, outputs)
    offsets.join(180, [P0, P1])
    offsets.add({P0: 10, P1: 8})
    offsets.add({P0: 20}, [LABEL])
    offsets.doubt({P0: 30, P1: 9}, [])
    offsets.join(33, [P0, P1])
    assert (offsets.at_least(P0, 3), offsets.at_least(P1, None)) == (10, 8)
