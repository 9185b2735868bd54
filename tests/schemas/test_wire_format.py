"""The prefix of a schema registry's serializers, byte by byte."""

from pathlib import Path

import orjson
import pytest
from jsonschema import Draft7Validator

from schemas.codec import decode_json
from schemas.dead_letter import Reason
from schemas.errors import DeletedRowError, InvalidMessageError
from schemas.fields import Fields
from schemas.published import documents
from schemas.wire_format import prefix, read_prefixed, without_prefix

EXAMPLES = Path(__file__).parents[2] / "schemas/examples/emotion_label"


def test_a_prefix_is_a_zero_byte_and_four_bytes_of_id_with_the_highest_first() -> None:
    assert prefix(0x01020304) == b"\0\x01\x02\x03\x04"
    assert without_prefix(prefix(7) + b"{}") == without_prefix(b"{}") == b"{}"


@pytest.mark.parametrize(
    "value", [b'{"text": "x"}', prefix(7) + b'{"text": "x"}', prefix(7) + b'\xef\xbb\xbf{"text": "x"}']
)
def test_a_text_is_read_with_a_prefix_or_without_one(value: bytes) -> None:
    assert read_prefixed(decode_json, value).text == "x"


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (b"\0", Reason.INVALID_JSON, "1 bytes that begin with a zero byte hold no schema id"),
        (b"\0\0\0\0", Reason.INVALID_JSON, "4 bytes that begin with a zero byte hold no schema id"),
        (prefix(7), Reason.INVALID_JSON, "(behind schema id 7)"),
        (prefix(70_000) + b"\x0cavro", Reason.INVALID_JSON, "(behind schema id 70000)"),
        (prefix(7) + b"\xff", Reason.INVALID_UTF8, "(behind schema id 7)"),
        (prefix(7) + b'{"id": "1"}', Reason.MISSING_TEXT, "(behind schema id 7)"),
        (b"[1]", Reason.NOT_AN_OBJECT, "an array; send each text in a record of its own, or see EMOTION_SPLIT"),
    ],
)
def test_what_cannot_be_read_is_refused_and_the_schema_named(value: bytes, reason: Reason, detail: str) -> None:
    with pytest.raises(InvalidMessageError) as refusal:
        read_prefixed(decode_json, value)
    assert refusal.value.reason == reason
    assert refusal.value.detail.endswith(detail)


def test_a_deleted_row_behind_a_prefix_is_still_a_deletion() -> None:
    with pytest.raises(DeletedRowError):
        read_prefixed(lambda v: decode_json(v, Fields.parse("after.text")), prefix(7) + b'{"op": "d", "after": null}')


@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_the_schema_for_registries_takes_and_refuses_the_same_labels(kind: str) -> None:
    schema = orjson.loads(documents()["emotion-label.draft-07.schema.json"])
    Draft7Validator.check_schema(schema)
    for path in (EXAMPLES / kind).iterdir():
        assert Draft7Validator(schema).is_valid(orjson.loads(path.read_bytes())) == (kind == "valid"), path.name
