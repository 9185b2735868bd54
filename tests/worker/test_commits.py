"""What is known to be committed wins over a coordinator that has forgotten it."""

from collections.abc import Collection

from worker.commits import Commits
from worker.flow import Partition

P0, P1 = Partition("in", 0), Partition("in", 1)


def test_the_coordinators_offset_holds_as_long_as_nothing_later_is_known() -> None:
    commits = Commits()
    assert commits.join(3, [0])
    assert (commits.at_least(P0, 5), commits.at_least(P1, None)) == (5, None)
    commits.add({P0: 7})
    assert commits.join(4, [0])
    assert commits.at_least(P0, 9) == 9  # another process went on


def test_an_offset_before_a_commit_of_this_process_is_not_followed() -> None:
    commits = Commits()
    commits.add({P0: 7})
    commits.add({P0: 9})
    assert commits.at_least(P0, 2) == 9


def test_a_group_without_an_offset_starts_anew_unless_its_generation_went_back() -> None:
    commits = Commits()
    commits.join(5, [0])
    commits.add({P0: 7})
    assert commits.at_least(P0, None) is None  # its topic was made anew, say
    commits.join(1, [0])
    assert commits.at_least(P0, None) == 7


def test_from_when_the_generation_went_back_the_outputs_are_asked_at_every_rejoin() -> None:
    asked = []

    def find_answered(numbers: Collection[int]) -> dict[Partition, int]:
        asked.append(numbers)
        return {P0: 40, P1: 50 + len(asked)}

    commits = Commits(find_answered)
    assert commits.join(180, [0, 1])
    assert commits.join(181, [0, 1])
    assert asked == []
    commits.add({P0: 45})
    assert commits.join(33, [0, 1])
    assert (commits.at_least(P0, 10), commits.at_least(P1, 10)) == (45, 51)
    assert commits.join(34, [1])
    assert commits.at_least(P1, 10) == 52
    assert asked == [[0, 1], [1]]


def test_nothing_is_read_while_the_outputs_cannot_tell() -> None:
    answers = iter([None, {P0: 40}])
    commits = Commits(lambda _: next(answers))
    commits.join(180, [0])
    assert not commits.join(33, [0])
    assert commits.join(33, [0])
    assert commits.at_least(P0, 10) == 40


def test_the_outputs_tell_of_some_partitions_also_where_the_coordinator_gives_no_answer() -> None:
    commits = Commits(lambda _: {P0: 40})
    commits.join(180, [0, 1])
    commits.add({P1: 30})
    assert not commits.is_answered(P0)
    commits.join(33, [0, 1])
    assert commits.is_answered(P0)
    assert commits.at_least(P0, None) == 40
    assert not commits.is_answered(P1)
    assert commits.at_least(P1, 35) == 35  # others went on, and retention has taken their answers


def test_a_later_offset_than_the_outputs_tell_counts() -> None:
    commits = Commits(lambda _: {P0: 40})
    commits.join(180, [0])
    commits.join(33, [0])
    assert commits.at_least(P0, 43) == 43  # behind 40 others passed on tombstones, which name no origin
