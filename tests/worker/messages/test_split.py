"""Records of several texts: each becomes a record, under the offset of the whole."""

from functools import partial

import orjson
import pytest

from schemas.dead_letter import Reason
from schemas.emotion_label import Source
from worker.build import make_reader, make_splitter
from worker.flow import Partition, Record, Rejected, Request, Skipped, Tombstone, Window
from worker.messages.decode import decode
from worker.messages.split import MOST_PARTS, SplitSource
from worker.settings import Settings


class OneWindow:
    """A source of one window."""

    def __init__(self, *values: bytes | None) -> None:
        records = [Record(Source("in", 3, 7 + i, None), b"key", value, []) for i, value in enumerate(values)]
        self.window = Window(records, {Partition("in", 3): 7 + len(values)}, None)
        self.rewound = False

    def poll(self) -> Window:
        return self.window

    def rewind(self) -> None:
        self.rewound = True


def answers(
    *values: bytes | None, split: str, input_format: str = "json", **others: object
) -> list[tuple[str, str] | Rejected | Skipped | Tombstone]:
    """What becomes of a window of these values: id and text of the texts, in the order of the records."""
    settings = Settings(split=split, input_format=input_format, **others)  # type: ignore[arg-type]
    splitter = make_splitter(settings, input_format)
    assert splitter is not None
    records = SplitSource(OneWindow(*values), splitter).poll().records
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
        (b"[]", Reason.MISSING_TEXT),
        (b"[[]]", Reason.MISSING_TEXT),
        (b"[null]", Reason.MISSING_TEXT),
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


def test_tombstones_pass_and_a_rewind_goes_through() -> None:
    assert answers(None, b'["a"]', split="array") == [Tombstone(0), ("in-3-8-0", "a")]
    source = OneWindow()
    SplitSource(source, partial(lambda _: [])).rewind()
    assert source.rewound


def test_what_python_and_javascript_write_beyond_the_standard_is_split_too() -> None:
    value = rb'[{"text": "a party \ud83d", "x": NaN}, "b"]'
    assert answers(value, split="array") == [("in-3-7-0", "a party \ufffd"), ("in-3-7-1", "b")]
