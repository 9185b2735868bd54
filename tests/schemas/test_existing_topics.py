"""Payloads of topics that are there already, with the settings that read them: each becomes what its name says."""

from pathlib import Path

import orjson
import pytest

from schemas.dead_letter import Reason
from schemas.emotion_label import Source
from schemas.text_message import DecodedMessage, SkipReason
from worker.flow import Record, Rejected, Request, Skipped, Tombstone
from worker.messages.decode import decode, message_reader
from worker.settings import Settings

FOLDER = Path(__file__).parents[2] / "schemas" / "examples" / "existing_topics"
EXPECTED = {
    "debezium/label.create.json": DecodedMessage(
        "Still no refund, and nobody answers my mails!",
        "1841",
        {"payload.after.author": "mira", "payload.op": "c"},
    ),
    "debezium/label.update.json": DecodedMessage(
        "They paid it back at last, thank you!", "1841", {"payload.after.author": "mira", "payload.op": "u"}
    ),
    "social_media/label.post.json": DecodedMessage(
        "first snow of the year and I cannot stop smiling ❄️",
        "1994270137712840123",
        {
            "data.author_id": "2244994945",
            "data.lang": "en",
            "data.public_metrics": {"like_count": 3, "reply_count": 0},
        },
    ),
    "debezium_mongodb/label.create.json": DecodedMessage("Still no refund, and nobody answers my mails!", "6560c3"),
    "firehose/label.post.json": DecodedMessage("first snow of the year and I cannot stop smiling", "bafy1"),
    "streaming_api/label.long.json": DecodedMessage(
        "They paid it back at last, thank you!", "1151", {"payload.account.acct": "mira"}
    ),
    "streaming_api/label.short.json": DecodedMessage(
        "They paid it back at last, thank you!", "1152", {"payload.account.acct": "mira"}
    ),
    "video_comments/label.comment.json": DecodedMessage("What a day!", "v-1"),
    "feedback_form/label.comment.json": DecodedMessage(
        "The nurse was kind, but I waited for three hours.",
        "f-2025-000871",
        {"form": "after-visit", "answers.rating": 2},
    ),
}


def answer(value: bytes, settings: Settings, prefixed: bool = False) -> Request | Rejected | Tombstone | Skipped:
    record = Record(Source("in", 0, 1, None), b"key", value, [])
    requests, others = decode(
        message_reader(settings.input_format, settings.fields, settings.max_message_bytes, prefixed),
        [record],
        settings.without_text == "skip",
    )
    answers: list[Request | Rejected | Tombstone | Skipped] = [*requests, *others]
    (found,) = answers
    return found


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.json")), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_payload_becomes_what_its_name_says(path: Path) -> None:
    found = answer(path.read_bytes(), Settings(_env_file=path.parent / "settings.env"))
    kinds = {Request: "label", Tombstone: "tombstone"}
    kind = found.reason if isinstance(found, Rejected | Skipped) else kinds[type(found)]
    assert kind == path.name.split(".")[0]
    expected = EXPECTED.get(f"{path.parent.name}/{path.name}")
    if expected is not None:
        assert isinstance(found, Request)
        assert DecodedMessage(found.text, found.id, found.copied) == expected


@pytest.mark.parametrize("name", EXPECTED)
def test_every_expectation_has_its_payload(name: str) -> None:
    assert (FOLDER / name).exists()


def decoded(value: object, **settings: object) -> object:
    return answer(orjson.dumps(value), Settings(**settings))  # type: ignore[arg-type]


def text_of(value: object, **settings: object) -> str | None:
    found = decoded(value, **settings)
    return found.text if isinstance(found, Request) else None


def test_only_a_delete_event_is_taken_for_a_deletion() -> None:
    for value in ({"after": None}, {"op": "u", "after": None}, {"op": "d", "after": {"body": None}}, {"op": "d"}):
        is_delete = value == {"op": "d"}  # an envelope may leave nulls out
        assert isinstance(decoded(value, text_field="after.body"), Tombstone) == is_delete, value
    assert not isinstance(decoded({"op": "d", "text": None}), Tombstone)
    assert not isinstance(decoded({"op": "d", "after": None}, text_field="after"), Tombstone)


def test_a_field_that_is_not_there_is_left_out_and_a_null_is_copied() -> None:
    found = decoded({"text": "t", "a": None, "b": {"c": 0}}, copy_fields="a, b.c,b.d,e.f")
    assert isinstance(found, Request)
    assert found.copied == {"a": None, "b.c": 0}


def test_a_field_too_deep_to_be_written_makes_a_dead_letter() -> None:
    value = b'{"text": "t", "a": ' + b"[" * 500 + b"]" * 500 + b"}"
    found = answer(value, Settings(copy_fields=("a",)))
    assert isinstance(found, Rejected)
    assert found.reason == Reason.INVALID_JSON


@pytest.mark.parametrize(
    ("identity", "expected"), [(17, "17"), ("a", "a"), (None, "in-0-1"), (True, "in-0-1"), (1.5, "in-0-1")]
)
def test_an_id_may_be_an_integer_and_of_another_kind_it_is_passed_over(identity: object, expected: str) -> None:
    for name in ("id", "key"):
        found = decoded({"text": "t", name: identity}, id_field=name)
        assert (found.id if isinstance(found, Request) else None) == expected


def test_of_several_paths_the_first_that_leads_to_a_text_counts_and_a_refusal_names_all() -> None:
    for value in (
        {"a": "yes", "b": "no"},
        {"b": "yes"},
        {"a": None, "b": "yes"},
        {"a": " ", "b": "yes"},
        {"a": 1, "b": "yes"},
    ):
        assert text_of(value, text_field="a, b") == "yes", value
    found = decoded({"a": {"c": 1}}, text_field="a,b.c")
    assert isinstance(found, Rejected)
    assert found.reason == Reason.WRONG_TYPE
    assert found.detail == "field 'a' is an object, expected a string; field 'b.c' is absent or null: `b` is absent"


@pytest.mark.parametrize(
    ("value", "met"),
    [
        ({"a": [{"c": "t"}]}, "`a` is an array"),
        ({"a": {}}, "`a.b` is absent"),
        ({"a": {"b": None}}, "`a.b` is null"),
        ({"a": 1}, "`a` is a number"),
        ({"a": "words"}, "`a` is a string that holds no JSON object or array"),
        ({"a": '{"b": 1'}, "`a` is a string that holds no JSON object or array"),
        ({"a": {"b": ["t"]}}, "`a.b` is an array"),
    ],
)
def test_a_refusal_says_what_was_met_on_the_way(value: object, met: str) -> None:
    found = decoded(value, text_field="a.b.c")
    assert isinstance(found, Rejected)
    assert found.detail == f"field 'a.b.c' is absent or null: {met}"


def test_numbers_lead_into_arrays_and_are_names_of_objects() -> None:
    for value in ({"a": ["x", "t"]}, {"a": {"1": "t"}}, {"a": '["x", "t"]'}):
        assert text_of(value, text_field="a.1") == "t", value
    found = decoded({"a": ["x"]}, text_field="a.1")
    assert isinstance(found, Rejected)
    assert found.detail.endswith("`a` is an array of 1")
    assert isinstance(decoded({"a": ["x", "t"]}, text_field="a." + "9" * 5000), Rejected)


def test_what_json_in_a_string_may_hold_beyond_the_standard_costs_nothing() -> None:
    assert text_of({"p": r'{"text": "a party \ud83d", "n": NaN}'}, text_field="p.text") == "a party \ufffd"


def test_a_delete_is_one_whatever_else_it_holds() -> None:
    gone = {"op": "d", "before": {"body": "it was so"}, "after": None}
    assert isinstance(decoded(gone, text_field="after.body,before.body"), Tombstone)
    assert isinstance(decoded(gone, text_field="after.body", only_if="after.lang=en"), Tombstone)
    assert isinstance(decoded({"body": "it was so", "__deleted": "true"}, text_field="title,body"), Tombstone)
    assert isinstance(decoded({"row": {"b": {"c": "t"}, "__deleted": True}}, text_field="row.b.c"), Tombstone)
    assert isinstance(decoded({"text": "__deleted", "__deleted": "false"}), Request)
    inner = '{"op": "d", "after": null}'
    assert isinstance(decoded({"message": inner}, text_field="message.after.body"), Tombstone)
    inner = '{"body": "it was so", "__deleted": "true"}'
    assert isinstance(decoded({"message": inner}, text_field="message.body"), Tombstone)


def test_the_placeholder_of_an_unchanged_text_is_a_setting() -> None:
    assert decoded({"text": "(same)"}, unavailable_value="(same)") == Skipped(0, SkipReason.UNCHANGED_TEXT)
    assert isinstance(decoded({"text": "__debezium_unavailable_value"}, unavailable_value="(same)"), Request)


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ("a=1", {"a": 1}, True),
        ("a=1", {"a": "1"}, True),
        ("a=1", {"a": 1.0}, True),
        ("a=true", {"a": True}, True),
        ("a=null", {}, True),
        ("a!=null", {"a": 0}, True),
        ("a!=null", {"a": None}, False),
        ("a=x|y", {"a": "y"}, True),
        ("a!=x|y", {"a": "y"}, False),
        (r"a=x\|y", {"a": "x|y"}, True),
        ("a=", {"a": ""}, True),
        ("a=x", {"a": ["w", "x"]}, True),
        ("a!=x", {"a": ["w", "x"]}, False),
        ("a=x", {"a": []}, False),
        ("a=x", {"a": {"x": "x"}}, False),
        (r"a.b=x\=y", {"a": {"b": "x=y"}}, True),
        (r"a\=b=x", {"a=b": "x"}, True),
        ("a=x, b=y", {"a": "x", "b": "y"}, True),
        ("a=x,b=y", {"a": "x", "b": "x"}, False),
        (r"a=x\,y", {"a": "x,y"}, True),
        ("a.0.b=x", {"a": [{"b": "x"}]}, True),
        ("a.b=x", {"a": [{"b": "w"}, {"b": "x"}]}, True),
        ("a.b!=x", {"a": [{"b": "w"}, {"b": "x"}]}, False),
        ("a.b=x", {"a": [{"b": ["w", "x"]}]}, True),
        ("a.b=x", {"a": [1, None, {}]}, False),
        ("a.b=x", {"a": '[{"b": "x"}]'}, True),
        ("a=1e2|5", {"a": 100}, True),
        ("a=123456789012345678", {"a": 123456789012345679}, False),
        ("a=1", {"a": True}, False),
        (r"a=\True", {"a": "True"}, True),
    ],
)
def test_a_condition_is_compared_as_json_writes_it(condition: str, value: dict[str, object], holds: bool) -> None:
    found = decoded(value | {"text": "t"}, only_if=condition)
    assert found == Skipped(0, SkipReason.CONDITION) if not holds else isinstance(found, Request)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{}", Reason.MISSING_TEXT),
        (b'{"text": null}', Reason.MISSING_TEXT),
        (b'{"text": " "}', Reason.EMPTY_TEXT),
        (b"", Reason.INVALID_JSON),
        (b"\n", Reason.INVALID_JSON),
        (b"null", Reason.NOT_AN_OBJECT),
    ],
)
def test_what_has_no_text_is_a_dead_letter_or_skipped(value: bytes, reason: Reason, skip: bool) -> None:
    found = answer(value, Settings(without_text="skip" if skip else "dead_letter"))
    assert found == Skipped(0, SkipReason.WITHOUT_TEXT) if skip else getattr(found, "reason", None) == reason


@pytest.mark.parametrize(
    ("value", "text_field"),
    [
        (b'{"payload": "{\\"text\\": \\"They pai"}', "payload.text"),
        (b'{"comments": [{"text": "hi"}]}', "comments.text"),
        (b'{"data": "hello there"}', "data.text"),
        (b'{"data": 5}', "data.text"),
        (b'{"a": "", "b": 5}', "a,b"),
    ],
)
def test_a_text_that_may_lie_elsewhere_is_not_skipped(value: bytes, text_field: str) -> None:
    assert isinstance(answer(value, Settings(without_text="skip", text_field=text_field)), Rejected)


@pytest.mark.parametrize(
    ("value", "text_field"),
    [
        (b'{"a": null}', "a.b.c"),
        (b'{"a": {"b": ""}}', "a.b.c"),
        (b'{"a": []}', "a.b"),
        (b'{"a": []}', "a.0.b"),
        (b'{"a": [{"b": "t"}]}', "a.1.b"),
        (b'{"a": "", "b": null}', "a,b"),
        (b"\xef\xbb\xbfnull", "text"),
        (b"\0\0\0\0\7null", "text"),
        (b"\0\0\0\0\7 ", "text"),
    ],
)
def test_where_nothing_lies_there_is_no_text(value: bytes, text_field: str) -> None:
    settings = Settings(without_text="skip", text_field=text_field)
    assert answer(value, settings, prefixed=True) == Skipped(0, SkipReason.WITHOUT_TEXT)


@pytest.mark.parametrize("value", [b'{"text": 1}', b'{"text": "a"', b"[1]", b"\xff", b"no JSON"])
def test_what_is_broken_is_never_skipped(value: bytes) -> None:
    assert isinstance(answer(value, Settings(without_text="skip")), Rejected)
