"""Records of several texts: each becomes a record, under the offset of the whole."""

import tracemalloc
from dataclasses import replace

import orjson
import pytest

from schemas.dead_letter import Reason
from schemas.emotion_label import Source
from schemas.text_message import SkipReason
from worker.flow import Partition, Record, Rejected, Request, Skipped, Tombstone, Window
from worker.labelling import make_reader, make_splitter
from worker.messages.decode import decode
from worker.messages.split import MOST_PARTS, SplitSource
from worker.settings import Settings


class OneWindow:
    """A source of one window."""

    def __init__(self, *values: bytes | None) -> None:
        records = [Record(Source("in", 3, 7 + i, None), b"key", value, []) for i, value in enumerate(values)]
        self.window = Window(records, {Partition("in", 3): 7 + len(values)}, None)
        self.rewound = False
        self.polled = 0

    def poll(self) -> Window:
        self.polled += 1
        return self.window

    def rewind(self) -> None:
        self.rewound = True


def answers(
    *values: bytes | None, split: str, input_format: str = "json", **others: object
) -> list[tuple[str, str] | Rejected | Skipped | Tombstone]:
    """What becomes of a window of these values: id and text of the texts, in the order of the records."""
    settings = Settings(split=split, input_format=input_format, **others)  # type: ignore[arg-type]
    splitter = make_splitter(settings, input_format, prefixed=input_format == "json")
    assert splitter is not None
    records = SplitSource(OneWindow(*values), splitter, 10**6).poll().records
    skip = settings.without_text == "skip"
    requests, rest = decode(make_reader(settings, input_format, prefixed=True), records, skip)
    found = {each.index: each for each in [*requests, *rest]}
    assert sorted(found) == list(range(len(records)))
    ordered = [found[index] for index in range(len(records))]
    return [(each.id, each.text) if isinstance(each, Request) else each for each in ordered]


def test_an_array_becomes_a_text_of_each_element() -> None:
    value = b'[{"text": "a"}, "b", {"text": "c", "id": "own"}]'
    expected = [("in-3-7-0", "a"), ("in-3-7-1", "b"), ("own", "c"), ("in-3-8", "d"), ("in-3-9-0", "e")]
    assert answers(value, b'{"text": "d"}', b'["e"]', split="array") == expected


def test_lines_become_a_text_each_and_blank_ones_none() -> None:
    value = b'{"text": "a"}\n\r\n "b" \r\n{"text": "c", "id": "own"}\n'
    expected = [("in-3-7-0", "a"), ("in-3-7-1", "b"), ("own", "c"), ("in-3-8-0", "d")]
    assert answers(value, b'{"text": "d"}', split="lines") == expected
    plain = answers(b"a\n\nb c\r\n", b"\0\0\0\0d", split="lines", input_format="text")
    assert plain == [("in-3-7-0", "a"), ("in-3-7-1", "b c"), ("in-3-8-0", "\0\0\0\0d")]


@pytest.mark.parametrize(("split", "value"), [("array", b'["a", "b"]'), ("lines", b'"a"\n"b"')])
def test_the_prefix_of_a_registry_stands_before_the_whole(split: str, value: bytes) -> None:
    assert answers(b"\0\0\0\0\x07" + value, split=split) == [("in-3-7-0", "a"), ("in-3-7-1", "b")]


def test_one_broken_element_costs_itself_alone() -> None:
    first, broken, deleted, last = answers(b'["a", {"text": 1}, {"__deleted": "true"}, "b"]', split="array")
    assert (first, last) == (("in-3-7-0", "a"), ("in-3-7-3", "b"))
    assert isinstance(broken, Rejected)
    assert broken.reason == Reason.WRONG_TYPE
    assert isinstance(deleted, Tombstone)
    first, broken, last = answers(b'"a"\n{"text": \n"b"', split="lines")
    assert isinstance(broken, Rejected)
    assert broken.reason == Reason.INVALID_JSON


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"[]", Reason.NOT_AN_OBJECT),
        (b"[[]]", Reason.NOT_AN_OBJECT),
        (b"[null]", Reason.NOT_AN_OBJECT),
        (b'[" "]', Reason.EMPTY_TEXT),
        (b'[["a"]]', Reason.NOT_AN_OBJECT),
        (b'["a"', Reason.INVALID_JSON),
        (b"\xff", Reason.INVALID_UTF8),
        (b"[" * 500 + b"]" * 500, Reason.NOT_AN_OBJECT),
        (orjson.dumps(["a"] * (MOST_PARTS + 1)), Reason.NOT_AN_OBJECT),
        (b'["' + b"a" * 200_000 + b'"]', Reason.MESSAGE_TOO_LARGE),
    ],
)
def test_what_cannot_be_split_is_one_dead_letter(value: bytes, reason: Reason) -> None:
    (found,) = answers(value, split="array", max_message_bytes=200_000)
    assert isinstance(found, Rejected)
    assert found.reason == reason


def test_an_array_of_the_most_texts_is_split() -> None:
    assert len(answers(orjson.dumps(["a"] * MOST_PARTS), split="array")) == MOST_PARTS


def test_elements_without_a_text_are_skipped_where_records_are() -> None:
    found = answers(b'["a", {}, null, {"text": ""}]', b"[]", split="array", without_text="skip")
    assert [type(each) for each in found] == [tuple, *[Skipped] * 4]


def test_a_byte_order_mark_stands_before_the_whole_or_each_line() -> None:
    assert answers(b'\xef\xbb\xbf["a"]', split="array") == [("in-3-7-0", "a")]
    assert answers(b'\xef\xbb\xbf"a"\n"b"', split="lines") == [("in-3-7-0", "a"), ("in-3-7-1", "b")]


def test_tombstones_pass() -> None:
    assert answers(None, b'["a"]', split="array") == [Tombstone(0), ("in-3-8-0", "a")]


def source_of(*values: bytes | None, at_most: int) -> tuple[OneWindow, SplitSource]:
    split = make_splitter(Settings(split="array"), "json")
    assert split is not None
    inner = OneWindow(*values)
    return inner, SplitSource(inner, split, at_most)


def test_a_window_that_becomes_too_large_is_handed_on_in_several_of_whole_records() -> None:
    inner, source = source_of(b'["a", "b"]', b'"c"', b'["d", "e", "f", "g"]', b'["h"]', None, at_most=3)
    inner.window = replace(inner.window, next_offsets={Partition("in", 3): 15, Partition("in", 4): 2})
    windows = [source.poll() for _ in range(4)]
    assert [[(r.origin.offset, r.part) for r in window.records] for window in windows[:3]] == [
        [(7, 0), (7, 1), (8, None)],
        [(9, 0), (9, 1), (9, 2), (9, 3)],
        [(10, 0), (11, None)],
    ]
    assert [window.next_offsets for window in windows[:2]] == [{Partition("in", 3): 9}, {Partition("in", 3): 10}]
    assert windows[2].next_offsets == inner.window.next_offsets
    assert windows[3] == windows[0]  # asked for anew
    assert inner.polled == 2


def test_a_rewind_drops_what_was_not_handed_on() -> None:
    inner, source = source_of(b'["a", "b"]', b'["c", "d"]', at_most=2)
    first = source.poll()
    source.rewind()
    assert inner.rewound
    assert source.poll() == first


def test_positions_that_moved_without_records_go_through() -> None:
    inner, source = source_of(at_most=2)
    assert source.poll() == inner.window


@pytest.mark.parametrize("split", ["array", "lines"])
def test_a_value_of_very_many_parts_takes_no_memory_of_its_own(split: str) -> None:
    between = b"," if split == "array" else b"\n"
    value = b"[" + between.join([b"1"] * 4_000_000) + b"]"
    settings = Settings(split=split)
    splitter = make_splitter(settings, "json")
    assert splitter is not None
    tracemalloc.start()
    assert not splitter(value)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * len(value)


def test_a_value_written_over_several_lines_is_one() -> None:
    assert answers(b'{\n  "text": "a"\n}\n', split="lines") == [("in-3-7", "a")]
    assert answers(b'["a",\n"b"]', split="array") == [("in-3-7-0", "a"), ("in-3-7-1", "b")]


def test_an_element_too_deep_costs_itself_alone() -> None:
    deep = b"[" * 300 + b"]" * 300
    first, second, last = answers(b'["a", {"text": "b", "x": ' + deep + b'}, "c"]', split="array")
    assert (first, second, last) == (("in-3-7-0", "a"), ("in-3-7-1", "b"), ("in-3-7-2", "c"))


def test_a_bare_text_meets_conditions_as_an_object_without_fields() -> None:
    assert answers(b'["a", {"text": "b", "lang": "en"}]', split="array", only_if="lang=en") == [
        Skipped(0, SkipReason.CONDITION),
        ("in-3-7-1", "b"),
    ]
    assert answers(b'["__debezium_unavailable_value"]', split="array") == [Skipped(0, SkipReason.UNCHANGED_TEXT)]


def test_an_object_that_was_encoded_twice_is_read() -> None:
    value = orjson.dumps([orjson.dumps({"text": "a"}).decode(), orjson.dumps({"text": "b"}).decode()])
    assert answers(value, split="array") == [("in-3-7-0", "a"), ("in-3-7-1", "b")]


def test_what_python_and_javascript_write_beyond_the_standard_is_split_too() -> None:
    value = rb'[{"text": "a party \ud83d", "x": NaN}, "b"]'
    assert answers(value, split="array") == [("in-3-7-0", "a party \ufffd"), ("in-3-7-1", "b")]
