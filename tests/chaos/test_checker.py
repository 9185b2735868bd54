"""The checker finds each anomaly where it was planted, and nothing where none was."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import Commit, History, Name, Outcome, Place, Produced, Transaction, check

POISON = 5  # the offset of the record in each partition that can only become a dead letter
JOY = frozenset({"joy"})


def outcome(partition: int, origin: int) -> Outcome:
    """The right outcome; a transaction marker follows every four labels, so offsets are not those of the input."""
    topic = "dead_letters" if origin == POISON else "labels"
    return Outcome(
        topic="dead_letters" if topic == "dead_letters" else "labels",
        partition=partition,
        offset=0 if origin == POISON else origin + origin // 4,
        key=f"{partition}-{origin % 2}".encode(),
        origin=Place(partition, origin),
        id=None if origin == POISON else f"{partition}-{origin}",
        label=None if origin == POISON else "joy",
        at=104.0 if origin < 4 else 108.0,
        made_at=103.0 if origin < 4 else 107.0,
    )


def clean() -> History:
    """Two partitions of eight records, answered in transactions of four."""
    places = [Place(partition, offset) for offset in range(8) for partition in (0, 1)]
    outcomes = [outcome(place.partition, place.offset) for place in places]
    return History(
        produced=[
            Produced(
                p,
                f"{p.partition}-{p.offset}",
                outcome(p.partition, p.offset).key or b"",
                JOY if p.offset != POISON else frozenset(),
            )
            for p in places
        ],
        read=outcomes,
        final=outcomes,
        commits=[Commit(100.0, {}), Commit(104.2, {0: 4}), Commit(104.5, {0: 4, 1: 4}), Commit(108.5, {0: 8, 1: 8})],
        transactions=[
            Transaction("labels", partition, first, first + 3, True, ended_at)
            for partition in (0, 1)
            for first, ended_at in ((0, 103.9), (5, 107.9))
        ],
    )


def without(history: History, place: Place) -> History:
    return replace(
        history,
        read=[each for each in history.read if each.origin != place],
        final=[each for each in history.final if each.origin != place],
    )


def changed(history: History, place: Place, **changes: object) -> History:
    def change(outcomes: list[Outcome]) -> list[Outcome]:
        return [replace(each, **changes) if each.origin == place else each for each in outcomes]  # type: ignore[arg-type]

    return replace(history, read=change(list(history.read)), final=change(list(history.final)))


def with_more(history: History, *outcomes: Outcome) -> History:
    return replace(history, read=[*history.read, *outcomes], final=[*history.final, *outcomes])


def with_last_commit(history: History, offsets: dict[int, int]) -> History:
    return replace(history, commits=[*history.commits[:-1], Commit(108.5, offsets)])


def lost_write(history: History) -> History:
    return with_last_commit(without(history, Place(0, 7)), {0: 7, 1: 8})


def dead_letter_lost(history: History) -> History:
    last = [each for each in history.produced if each.place != Place(0, 7)]
    poison = [replace(each, labels=frozenset()) if each.place == Place(0, 6) else each for each in last]
    return with_last_commit(without(without(replace(history, produced=poison), Place(0, 6)), Place(0, 7)), {0: 6, 1: 8})


def duplicate(history: History) -> History:
    return with_more(history, replace(outcome(0, 7), offset=20, at=108.2, made_at=108.1))


def duplicate_across_topics(history: History) -> History:
    """The right label, and a dead letter of a record that has none to expect."""
    return with_more(history, replace(outcome(1, POISON), offset=1))


def committed_again(history: History) -> History:
    return with_more(history, replace(outcome(0, 0), offset=20, at=110.0, made_at=109.0))


def aborted_read_that_vanished(history: History) -> History:
    return replace(history, read=[*history.read, replace(outcome(0, 7), offset=20)])


def aborted_read_by_its_marker(history: History) -> History:
    *others, last = history.transactions
    return replace(history, transactions=[*others, replace(last, committed=False)])


def precommitted_read(history: History) -> History:
    first, *others = history.transactions
    return replace(history, transactions=[replace(first, ended_at=104.5), *others])


def poll_skip(history: History) -> History:
    return replace(history, read=[each for each in history.read if each.origin != Place(1, 3)])


def poll_back(history: History) -> History:
    return replace(history, read=[*history.read, history.read[-1]])


def offsets_back(history: History) -> History:
    before, *others = history.commits
    return replace(history, commits=[before, Commit(103.0, {0: 5}), *others])


def offsets_beyond_the_end(history: History) -> History:
    return with_last_commit(history, {0: 9, 1: 8})


def outcome_without_offset(history: History) -> History:
    return with_last_commit(history, {0: 8, 1: 7})


def outcome_long_after_its_offset(history: History) -> History:
    read = [replace(each, at=200.0) if each.origin == Place(0, 7) else each for each in history.read]
    return replace(history, read=read)


def swapped(history: History, one: Place, other: Place) -> History:
    mine, theirs = outcome(one.partition, one.offset).offset, outcome(other.partition, other.offset).offset
    final = changed(changed(history, one, offset=-1), other, offset=mine)
    final = changed(final, one, offset=theirs)
    return replace(final, read=sorted(final.read, key=lambda each: each.offset))


def reordered_in_partition(history: History) -> History:
    return swapped(history, Place(0, 0), Place(0, 1))


def reordered_in_key(history: History) -> History:
    without_between = without(history, Place(1, 1))
    produced = [each for each in history.produced if each.place != Place(1, 1)]
    return swapped(replace(without_between, produced=produced), Place(1, 0), Place(1, 2))


def wrong_label(history: History) -> History:
    return changed(history, Place(0, 3), label="anger")


def label_in_place_of_a_dead_letter(history: History) -> History:
    right = Place(0, 6)
    produced = [replace(each, labels=frozenset()) if each.place == right else each for each in history.produced]
    return replace(history, produced=produced)


def dead_letter_in_place_of_a_label(history: History) -> History:
    produced = [replace(each, labels=JOY) if each.place == Place(0, POISON) else each for each in history.produced]
    return replace(history, produced=produced)


def another_key(history: History) -> History:
    return changed(history, Place(0, 7), key=b"another")


def another_id(history: History) -> History:
    return changed(history, Place(0, 7), id="another")


def phantom(history: History) -> History:
    return with_more(history, replace(outcome(0, 8), offset=20, id="nobody's"))


PLANTED: list[tuple[Callable[[History], History], list[Name]]] = [
    (lost_write, ["lost_write"]),
    (dead_letter_lost, ["dead_letter_lost"]),
    (duplicate, ["duplicate"]),
    (duplicate_across_topics, ["duplicate"]),
    (committed_again, ["committed_again"]),
    (aborted_read_that_vanished, ["aborted_read"]),
    (aborted_read_by_its_marker, ["aborted_read"] * 3),
    (precommitted_read, ["precommitted_read"] * 4),
    (poll_skip, ["poll_skip"]),
    (poll_back, ["poll_skip"]),
    (offsets_back, ["inconsistent_offsets"]),
    (offsets_beyond_the_end, ["inconsistent_offsets"]),
    (outcome_without_offset, ["torn_window"]),
    (lambda history: without(history, Place(0, 2)), ["lost_write", "torn_window"]),  # an offset without its outcome
    (outcome_long_after_its_offset, ["torn_window"]),
    (reordered_in_partition, ["reordered_in_partition"]),
    (reordered_in_key, ["reordered_in_key"]),
    (wrong_label, ["wrong_label"]),
    (label_in_place_of_a_dead_letter, ["wrong_label"]),
    (dead_letter_in_place_of_a_label, ["wrong_label"]),
    (another_key, ["misplaced"]),
    (another_id, ["misplaced"]),
    (phantom, ["phantom"]),
]


@pytest.mark.parametrize(("plant", "found"), PLANTED, ids=[getattr(plant, "__name__", "") for plant, _ in PLANTED])
def test_a_planted_anomaly_is_found_and_nothing_else(plant: Callable[[History], History], found: list[Name]) -> None:
    assert [anomaly.name for anomaly in check(plant(clean()))] == found


def test_a_clean_history_has_no_anomaly() -> None:
    assert check(clean()) == []


def made_anew() -> History:
    """The input was deleted when half of it was answered; the one that took its name is answered as a whole."""
    old, new = clean(), clean()
    answered = [each for each in old.final if each.origin.offset < 4]
    again = [
        replace(each, offset=each.offset + 40, origin=each.origin._replace(topic=1), at=each.at + 100)
        for each in new.final
    ]
    return History(
        produced=[*old.produced, *(replace(each, place=each.place._replace(topic=1)) for each in new.produced)],
        read=[*answered, *again],
        final=[*answered, *again],
        commits=[*old.commits[:2], *(replace(each, at=each.at + 100, topic=1) for each in new.commits)],
        topics=2,
    )


def test_what_was_not_answered_before_its_topic_was_deleted_is_not_lost_and_what_came_then_is() -> None:
    assert check(made_anew()) == []
    lost = without(made_anew(), Place(0, 2, topic=1))
    assert [anomaly.name for anomaly in check(lost)] == ["lost_write", "torn_window"]
    first = outcome(0, 2)
    again = with_more(made_anew(), replace(first, offset=99, at=300.0))
    assert [anomaly.name for anomaly in check(again)] == ["duplicate"]
    assert [anomaly.name for anomaly in check(without(made_anew(), Place(0, 2)))] == ["torn_window"]


def test_a_repeated_window_is_no_reordering() -> None:
    window = [replace(outcome(0, origin), offset=20 + origin, at=108.2, made_at=108.1) for origin in (6, 7)]
    assert [anomaly.name for anomaly in check(with_more(clean(), *window))] == ["duplicate", "duplicate"]
