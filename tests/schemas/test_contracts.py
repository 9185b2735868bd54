"""The contracts as data: each example is taken or refused as its folder and its name say."""

import re
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from schemas.codec import decode_json, decode_text, encode_disagreement, encode_label, encode_review
from schemas.dead_letter import DeadLetter, Reason
from schemas.disagreement import Disagreement
from schemas.emotion_label import EmotionLabel
from schemas.errors import InvalidMessageError
from schemas.fields import Fields
from schemas.published import documents
from schemas.review_record import ReviewRecord
from tests.harness.reasons import REASONS_OF_THE_WORKER

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"


def examples(folder: str) -> list[pytest.param]:  # type: ignore[valid-type]
    found = sorted((EXAMPLES / folder).iterdir())
    assert found
    return [pytest.param(path, id=path.name) for path in found]


def validator(name: str) -> Draft202012Validator:
    schema = orjson.loads(documents()[f"{name}.schema.json"])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", examples("text_message/valid"))
def test_a_valid_message_is_decoded(path: Path) -> None:
    content = path.read_bytes()
    message = decode_json(content)
    expected = orjson.loads(content.removeprefix(b"\xef\xbb\xbf"))
    assert message.text == expected["text"]
    assert message.id == expected.get("id")
    assert validator("text-message").is_valid(expected)


@pytest.mark.parametrize("path", examples("text_message/tolerated"))
def test_what_breaks_the_contract_beside_the_text_is_labelled_all_the_same(path: Path) -> None:
    assert decode_json(path.read_bytes()).text in ("fine", "i feel fine", "\ufffd")


@pytest.mark.parametrize("path", examples("text_message/invalid"))
def test_an_invalid_message_is_refused_for_the_reason_in_its_name(path: Path) -> None:
    with pytest.raises(InvalidMessageError) as refusal:
        decode_json(path.read_bytes())
    assert refusal.value.reason == path.name.split(".")[0]


def test_every_reason_a_message_can_have_has_an_example() -> None:
    shown = {path.name.split(".")[0] for path in (EXAMPLES / "text_message/invalid").iterdir()}
    assert shown == set(Reason) - REASONS_OF_THE_WORKER


@pytest.mark.parametrize(
    "contract", ["emotion_label", "dead_letter_headers", "cloudevent_headers", "review_record", "disagreement"]
)
@pytest.mark.parametrize("kind", ["valid", "invalid"])
def test_the_published_schema_takes_and_refuses_the_examples(contract: str, kind: str) -> None:
    check = validator(contract.replace("_", "-"))
    paths = sorted((EXAMPLES / contract / kind).iterdir())
    assert paths
    for path in paths:
        assert check.is_valid(orjson.loads(path.read_bytes())) == (kind == "valid"), path.name


@pytest.mark.parametrize("path", examples("emotion_label/valid"))
def test_a_label_reads_and_writes_back_what_its_example_says(path: Path) -> None:
    content = orjson.loads(path.read_bytes())
    label = TypeAdapter(EmotionLabel).validate_python(content)
    known = {name: value for name, value in content.items() if name in EmotionLabel.__dataclass_fields__}
    known = {"copied": {}, "labels": None} | known  # in labels of workers before they were added
    assert orjson.loads(encode_label(label)) == known


@pytest.mark.parametrize("path", examples("review_record/valid"))
def test_a_review_reads_and_writes_back_what_its_example_says(path: Path) -> None:
    content = path.read_bytes()
    assert orjson.loads(encode_review(TypeAdapter(ReviewRecord).validate_json(content))) == orjson.loads(content)


def test_a_disagreement_reads_and_writes_back_what_its_example_says() -> None:
    for path in sorted((EXAMPLES / "disagreement/valid").iterdir()):
        content = orjson.loads(path.read_bytes())
        written = orjson.loads(encode_disagreement(TypeAdapter(Disagreement).validate_python(content)))
        assert written | {"live": None} == {name: content[name] for name in written} | {"live": None}, path.name
        assert written["live"] == {name: content["live"][name] for name in written["live"]}


@pytest.mark.parametrize("original_bytes", [None, 5_000_000])
def test_the_headers_of_a_dead_letter_keep_their_contract(original_bytes: int | None) -> None:
    letter = DeadLetter(Reason.EMPTY_TEXT, "nothing", "my-topic-0-12", "m@sha256:00", 1_764_000_000_123, original_bytes)
    headers = {name: value.decode() for name, value in letter.headers()}
    validator("dead-letter-headers").validate(headers)
    assert headers["dead-letter-reason"] == "empty_text"
    assert ("dead-letter-original-bytes" in headers) == (original_bytes is not None)


@pytest.mark.parametrize(
    ("value", "text", "identity"),
    [
        (rb'{"text": "a party \ud83d"}', "a party \ufffd", None),
        (
            rb'{"text": "\uDE00 low, \ud83d\ude00 whole, \\ud83d written out"}',
            "\ufffd low, \U0001f600 whole, \\ud83d written out",
            None,
        ),
        (rb'{"text": "a", "id": "\ud83d"}', "a", "\ufffd"),
        (b'{"text": "a", "id": 7, "x": [NaN, -Infinity, 1e999]}', "a", "7"),
        (b'{"text": "a", "id": true}', "a", None),
        (b'{"text": "a", "id": 123456789012345678901234567890, "x": NaN}', "a", None),
        (b'{"text": "a", "x": NaN, "y": ' + b"7" * 5000 + b"}", "a", None),
        (b'{"text": "a", "id": 1.5}', "a", None),
        (b'{"text": "a", "id": {"$oid": "1"}}', "a", None),
        (b'{"text": "a", "id": ["1"]}', "a", None),
    ],
)
def test_a_broken_corner_does_not_cost_the_text(value: bytes, text: str, identity: str | None) -> None:
    message = decode_json(value)
    assert (message.text, message.id) == (text, identity)


def test_a_broken_corner_does_not_break_what_is_copied() -> None:
    message = decode_json(rb'{"text": "a", "x": NaN, "y": "\ud83d"}', Fields.parse(copied=("x", "y")))
    copied = orjson.loads(orjson.dumps(message.copied))
    assert copied == {"x": None, "y": "\ufffd"}
    assert decode_json(
        b'{"text": "a", "x": NaN, "y": 99999999999999999999999}', Fields.parse(copied=("y",))
    ).copied == {"y": 1e23}


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (
            b'[{"text": "a"}, {"text": "b"}]',
            "the value is JSON, but an array; send each text in a record of its own, or see EMOTION_SPLIT",
        ),
        (
            b'{"text": "a"}\n{"text": "b"}\n',
            "unexpected content .*; send each text in a record of its own, or see EMOTION_SPLIT",
        ),
        (b'{"text": "a", "x": NaN}{"text": "b"}', ".*; send each text in a record of its own, or see EMOTION_SPLIT"),
        (b'{"text": "a"', "[^;]*"),
        (b"3", "the value is JSON, but a number"),
    ],
)
def test_several_texts_in_a_record_are_refused_with_what_to_do(value: bytes, detail: str) -> None:
    with pytest.raises(InvalidMessageError) as refusal:
        decode_json(value)
    assert re.fullmatch(detail, refusal.value.detail)


@pytest.mark.parametrize(
    "value", [b'{"text": "a"', b'{"text": "a",}', b"{'text': 'a'}", b'{"text": "\t"}', b'{"text": undefined}']
)
def test_what_is_no_json_in_any_sense_is_still_refused(value: bytes) -> None:
    with pytest.raises(InvalidMessageError) as refusal:
        decode_json(value)
    assert refusal.value.reason == Reason.INVALID_JSON


def test_a_nested_field_is_found_by_its_dotted_path() -> None:
    value = b'{"id": "e1", "text": "not this", "data": {"body": "this"}}'
    assert decode_json(value, Fields.parse(text="data.body")).text == "this"
    for broken, reason in [(b'{"data": "x"}', Reason.MISSING_TEXT), (b'{"data": {"body": 1}}', Reason.WRONG_TYPE)]:
        with pytest.raises(InvalidMessageError, match=r"data\.body") as refusal:
            decode_json(broken, Fields.parse(text="data.body"))
        assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"just text", "just text"),
        (b'{"text": 1}', '{"text": 1}'),
        (b"\xef\xbb\xbfmarked", "marked"),
        (b"  \n", Reason.EMPTY_TEXT),
        (b"", Reason.EMPTY_TEXT),
        (b"caf\xe9", Reason.INVALID_UTF8),
    ],
)
def test_plain_text_is_taken_as_it_is(value: bytes, expected: str) -> None:
    if isinstance(expected, Reason):
        with pytest.raises(InvalidMessageError) as refusal:
            decode_text(value)
        assert refusal.value.reason == expected
    else:
        assert decode_text(value).text == expected


@pytest.mark.parametrize("path", examples("text_message/invalid"))
def test_a_refusal_never_repeats_the_text(path: Path) -> None:
    content = path.read_bytes()
    with pytest.raises(InvalidMessageError) as refusal:
        decode_json(content)
    words = [word for word in content.decode(errors="ignore").split() if len(word) > 4]
    assert not [word for word in words if word.strip('"{}:') in refusal.value.detail and word.isalpha()]


def test_the_committed_documents_are_those_of_the_code() -> None:
    subprocess.run([sys.executable, "-m", "schemas", "--check"], check=True, timeout=60)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = orjson.loads(documents()["asyncapi.json"])

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if "$ref" in node else []
            return own + [ref for value in node.values() for ref in references(value)]
        return [ref for item in node for ref in references(item)] if isinstance(node, list) else []

    found = references(document)
    assert len(found) >= 6
    for reference in found:
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    assert "read_committed" in document["channels"]["emotionLabels"]["description"]
