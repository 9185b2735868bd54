"""Windows of labels to windows of texts: bounded, in order, and nothing is lost while texts cannot be read."""

from collections.abc import Mapping, Sequence

from schemas.codec import encode_label
from schemas.emotion_label import EmotionLabel, ModelName, Source
from schemas.wire_format import read_label
from worker.errors import NotDeliveredError
from worker.flow import Partition, Record, Window
from worker.messages.answered import AnsweredSource, Texts
from worker.messages.comparison import Comparison

OUT = Partition("out", 0)


def label(offset: int, of: int) -> Record:
    """At `offset` of the output, of the text at `of`."""
    source = Source("in", 0, of, 7)
    made = EmotionLabel(1, f"m{of}", "joy", 1.0, None, {"joy": 1.0}, 3, False, ModelName("m", "1"), source, 7)
    return Record(Source("out", 0, offset, 7), b"key", encode_label(made), [])


class Labels:
    """Windows, one after the other; a rewind begins again at the first."""

    def __init__(self, *windows: list[Record]) -> None:
        self.windows = windows
        self.next = 0

    def poll(self) -> Window:
        records = self.windows[self.next] if self.next < len(self.windows) else []
        self.next += 1
        return Window(records, {OUT: records[-1].origin.offset + 2} if records else {}, None)  # past a marker

    def rewind(self) -> None:
        self.next = 0


class Finder:
    def __init__(self, size: int = 1, away: int = 0) -> None:
        self.size = size
        self.away = away  # so many calls fail
        self.asked: list[list[int]] = []

    def __call__(self, wanted: Mapping[Partition, Sequence[int]]) -> Texts:
        if self.away:
            self.away -= 1
            raise NotDeliveredError("away")
        self.asked += map(list, wanted.values())
        return {
            (partition, offset): Record(Source(*partition, offset, 7), b"key", b"x" * self.size, [("h", b"1")])
            for partition, offsets in wanted.items()
            for offset in offsets
        }


def source(labels: Labels, finder: Finder, most_repeated: int = 10) -> AnsweredSource:
    return AnsweredSource(
        labels, read_label, finder, ["in"], lambda _: True, Comparison(), most_repeated, lambda _: None
    )


def offsets(window: Window) -> list[int]:
    return [record.origin.offset for record in window.records]


def test_texts_take_the_place_of_labels_and_the_offsets_stay_those_of_labels() -> None:
    window = source(Labels([label(10, 5), label(11, 3)]), Finder()).poll()
    assert offsets(window) == [5, 3]
    assert [(r.value, r.headers) for r in window.records] == [(b"x", [("h", b"1")])] * 2
    assert window.next_offsets == {OUT: 13}


def test_large_texts_are_handed_on_in_several_windows_and_each_label_is_committed_after_its_text() -> None:
    count = 1_200
    answered = source(
        Labels([label(number, number) for number in range(count)]), Finder(size=10_000), most_repeated=count
    )
    windows = [answered.poll() for _ in range(3)]
    assert [len(window.records) for window in windows] == [500, 500, 200]
    assert [window.next_offsets[OUT] for window in windows] == [500, 1_000, count + 1]
    assert not answered.poll()


def test_while_texts_cannot_be_read_nothing_is_committed_and_nothing_is_lost() -> None:
    answered = source(Labels([label(0, 0), label(1, 1)]), Finder(away=2))
    assert [bool(answered.poll()) for _ in range(2)] == [False, False]
    assert offsets(answered.poll()) == [0, 1]


def test_a_label_that_comes_again_is_compared_once_but_after_a_rewind() -> None:
    answered = source(Labels([label(0, 0), label(1, 0)], [label(2, 0), label(3, 1)]), Finder())
    assert [offsets(answered.poll()) for _ in range(2)] == [[0], [1]]
    answered.rewind()
    assert offsets(answered.poll()) == [0]


def test_so_many_labels_are_remembered_and_no_more() -> None:
    answered = source(Labels([label(n, n) for n in range(5)], [label(5, 0), label(6, 4)]), Finder(), most_repeated=3)
    assert [offsets(answered.poll()) for _ in range(2)] == [[0, 1, 2, 3, 4], [0]]
