"""Payloads of topics that are there already, with the settings that read them: each becomes what its name says."""

from pathlib import Path

import orjson
import pytest

from schemas.dead_letter import Reason
from schemas.emotion_label import Source
from schemas.text_message import DecodedMessage
from worker.flow import Record, Rejected, Request, Tombstone
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
    "feedback_form/label.comment.json": DecodedMessage(
        "The nurse was kind, but I waited for three hours.",
        "f-2025-000871",
        {"form": "after-visit", "answers.rating": 2},
    ),
}


def answer(value: bytes, settings: Settings) -> Request | Rejected | Tombstone:
    record = Record(Source("in", 0, 1, None), b"key", value, [])
    requests, others = decode(
        message_reader(settings.input_format, settings.fields, settings.max_message_bytes), [record]
    )
    answers: list[Request | Rejected | Tombstone] = [*requests, *others]
    (found,) = answers
    return found


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.json")), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_payload_becomes_what_its_name_says(path: Path) -> None:
    found = answer(path.read_bytes(), Settings(_env_file=path.parent / "settings.env"))
    kind = found.reason if isinstance(found, Rejected) else {Request: "label", Tombstone: "tombstone"}[type(found)]
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
