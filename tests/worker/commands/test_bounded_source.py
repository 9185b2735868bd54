"""A source that ends."""

import pytest

from schemas.emotion_label import Source as Origin
from worker.commands.bounded_source import BoundedSource
from worker.errors import UserError
from worker.flow import Partition, Record, Window
from worker.kafka.topic_range import TopicRange

FIRST, SECOND = Partition("in", 0), Partition("in", 1)


class Windows:
    """A source that gives these windows: for each partition the offsets of its records and the next one."""

    def __init__(self, *windows: dict[Partition, range], ids: dict[str, str] | None = None) -> None:
        self._windows = list(windows)
        self._ids = ids or {}
        self.rewound = 0

    def poll(self) -> Window:
        window = self._windows.pop(0) if self._windows else {}
        records = [
            Record(Origin(p.topic, p.number, offset, None), None, b"", [])
            for p, found in window.items()
            for offset in found
        ]
        return Window(records, {p: found.stop for p, found in window.items()}, "membership", lambda: self._ids)

    def rewind(self) -> None:
        self.rewound += 1


def bounded(source: Windows, ends: dict[Partition, int]) -> tuple[BoundedSource, list[int]]:
    progress: list[int] = []
    return BoundedSource(source, TopicRange(dict.fromkeys(ends, 2), ends), progress.append), progress


def test_records_and_offsets_behind_the_end_are_left_out() -> None:
    source, _ = bounded(Windows({FIRST: range(2, 9), SECOND: range(2, 4)}), {FIRST: 5, SECOND: 5})
    window = source.poll()
    assert [record.origin.offset for record in window.records] == [2, 3, 4, 2, 3]
    assert window.next_offsets == {FIRST: 5, SECOND: 4}
    assert window.membership == "membership"


def test_it_is_finished_when_the_last_window_of_every_partition_was_delivered() -> None:
    source, progress = bounded(Windows({FIRST: range(2, 9)}, {SECOND: range(2, 5)}), {FIRST: 5, SECOND: 5})
    for _ in range(2):
        source.poll()
        assert not source.finished
    assert not source.poll()
    assert source.finished
    assert progress == [3, 3]


def test_a_window_that_was_not_delivered_does_not_count() -> None:
    windows = Windows({FIRST: range(2, 5)})
    source, progress = bounded(windows, {FIRST: 5})
    source.poll()
    source.rewind()
    source.poll()
    assert (source.finished, sum(progress), windows.rewound) == (False, 0, 1)


def test_a_commit_that_was_undone_is_not_taken_for_the_end() -> None:
    windows = Windows(
        {FIRST: range(2, 5)},
        {SECOND: range(2, 5)},  # is not delivered, and its abort takes the first one along
        {FIRST: range(2, 2), SECOND: range(2, 5)},
        {FIRST: range(2, 5)},
    )
    source, progress = bounded(windows, {FIRST: 5, SECOND: 5})
    source.poll()
    source.poll()
    source.rewind()
    for _ in range(2):
        assert source.poll().records
        assert not source.finished
    source.poll()
    assert (source.finished, sum(progress)) == (True, 6)


def test_after_a_failure_what_had_been_delivered_counts_where_the_group_stands() -> None:
    windows = Windows({FIRST: range(2, 7)}, {SECOND: range(2, 5)}, {FIRST: range(7, 7), SECOND: range(2, 5)})
    source, progress = bounded(windows, {FIRST: 5, SECOND: 5})
    source.poll()
    source.poll()
    source.rewind()
    assert source.poll().next_offsets == {FIRST: 5, SECOND: 5}
    source.poll()
    assert (source.finished, sum(progress)) == (True, 6)


def test_what_arrives_behind_the_end_or_in_a_new_partition_makes_no_window() -> None:
    arriving = Windows({FIRST: range(2, 5)}, {FIRST: range(5, 9), Partition("in", 7): range(3)})
    source, _ = bounded(arriving, {FIRST: 5, SECOND: 5})
    assert source.poll()
    window = source.poll()
    assert (bool(window), window.records) == (False, [])


def test_a_range_of_a_topic_that_was_made_anew_is_not_delivered() -> None:
    extent = TopicRange({FIRST: 2}, {FIRST: 5}, topic_id="cluster/old")
    window = BoundedSource(Windows({FIRST: range(2, 5)}, ids={"in": "cluster/new"}), extent, print).poll()
    with pytest.raises(UserError, match=r"topic in was made anew.*begin it again"):
        window.topic_ids()


@pytest.mark.parametrize("known", ["cluster/same", None])
def test_a_range_of_the_same_topic_is_committed_with_its_id(known: str | None) -> None:
    ids = {"in": "cluster/same"}
    extent = TopicRange({FIRST: 2}, {FIRST: 5}, topic_id=known)
    assert BoundedSource(Windows({FIRST: range(2, 5)}, ids=ids), extent, print).poll().topic_ids() == ids


def test_an_empty_range_is_finished_at_once() -> None:
    assert bounded(Windows(), {FIRST: 2})[0].finished
