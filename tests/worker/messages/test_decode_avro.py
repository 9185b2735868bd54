"""Avro texts: what their schemas say, and what becomes of those that cannot be read."""

import random
import uuid
from decimal import Decimal
from typing import Any, cast

import orjson
import pytest

from schemas.emotion_label import Source
from schemas.fields import Fields
from tests.harness.avro_texts import Schemas, field, record, written
from worker.errors import RegistryAwayError
from worker.flow import Record, Rejected, Request, Tombstone
from worker.messages.decode_avro import AvroDecoder
from worker.messages.registry_client import RegistryClient

BEFORE = b"\0\0\0\0\7"
PLACE = "/schemas/ids/7"
TEXT = record(field("id", ["null", "string"]), field("text", "string"))
AT = field("at", {"type": "long", "logicalType": "timestamp-millis"})
PRICE = field("price", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2})
ENDLESS = record(field("text", "string"), field("replies", {"type": "array", "items": "example.Text"}))


def decoder(schemas: Schemas, fields: Fields = Fields(), max_bytes: int = 10**6) -> AvroDecoder:  # noqa: B008
    return AvroDecoder(cast(RegistryClient, schemas), fields, max_bytes, skip_without_text=False)


def text(value: bytes | None, *headers: tuple[str, bytes | None]) -> Record:
    return Record(Source("in", 0, 5, None), b"k", value, list(headers))


def decoded(schema: Any, content: Any, fields: Fields = Fields()) -> Request | Rejected | Tombstone:  # noqa: B008
    """What one record becomes; `content` may be bytes that are wrong."""
    value = content if isinstance(content, bytes) else written(schema, content)
    requests, others = decoder(Schemas(**{PLACE: schema}), fields)([text(BEFORE + value)])
    both: list[Request | Rejected | Tombstone] = [*requests, *others]
    (found,) = both
    assert isinstance(found, Request | Rejected | Tombstone)
    return found


def request(schema: Any, content: Any, fields: Fields = Fields()) -> Request:  # noqa: B008
    found = decoded(schema, content, fields)
    assert isinstance(found, Request), found
    return found


def refusal(schema: Any, content: Any, fields: Fields = Fields()) -> tuple[str, str]:  # noqa: B008
    found = decoded(schema, content, fields)
    assert isinstance(found, Rejected), found
    return found.reason, found.detail


INNER = record(field("body", ["null", "string"]), name="example.Inner")


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("text", "string", "fine"),
        ("text", ["null", "string"], "fine"),
        ("text", ["null", INNER, "string"], "fine"),
        ("text.body", ["null", INNER], {"body": "fine"}),
        ("text.0.body", {"type": "array", "items": INNER}, [{"body": "fine"}, {"body": "no"}]),
        ("text.de", {"type": "map", "values": "string"}, {"en": "no", "de": "fine"}),
        ("text.body", "string", '{"body": "fine"}'),
        ("text", {"type": "enum", "name": "Mood", "symbols": ["bad", "fine"]}, "fine"),
        ("other,text", "string", "fine"),
    ],
)
def test_a_text_is_found_by_its_path_as_in_json(path: str, kind: Any, content: Any) -> None:
    schema = record(field("id", "long"), field("text", kind))
    found = request(schema, {"id": 12, "text": content}, Fields.parse(path))
    assert (found.text, found.id) == ("fine", "12")


def test_a_field_is_found_by_an_alias_too_unless_its_own_name_is_wanted() -> None:
    schema = record(field("message", "string", aliases=["body", "text"]), field("key", "string", aliases=["id"]))
    content = {"message": "fine", "key": "m1"}
    assert (request(schema, content).text, request(schema, content).id) == ("fine", "m1")
    assert request(schema, content, Fields.parse("message,text")).text == "fine"
    assert request(schema, content, Fields.parse("post.message,text")).text == "fine"
    nested = record(
        field("rows", {"type": "array", "items": record(field("body", "string", aliases=["text"]), name="R")})
    )
    assert request(nested, {"rows": [{"body": "fine"}]}, Fields.parse("rows.0.text")).text == "fine"


def test_dates_and_decimals_are_copied_as_json_has_them_and_conditions_see_them_so() -> None:
    schema = record(
        field("text", "string"), AT, PRICE, field("raw", "bytes"), field("day", {"type": "int", "logicalType": "date"})
    )
    content = {"text": "fine", "at": 1764000000123, "price": Decimal("-12.50"), "raw": b"\xff", "day": 20000}
    fields = Fields.parse(copied=("at", "price", "raw", "day"), only_if="price=-12.5")
    assert request(schema, content, fields).copied == {
        "at": "2025-11-24T16:00:00.123Z",
        "price": -12.5,
        "raw": "/w==",
        "day": "2024-10-04",
    }


@pytest.mark.parametrize("copied", [(), ("at", "id")])
def test_an_odd_date_or_uuid_costs_no_text(copied: tuple[str, ...]) -> None:
    schema = record(field("id", {"type": "string", "logicalType": "uuid"}), AT, field("text", "string"))
    value = b"\6abc" + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + b"\x08fine"
    found = request(schema, value, Fields.parse(copied=copied))
    assert (found.text, found.id) == ("fine", "abc")
    assert found.copied == ({"at": 2**63 - 1, "id": "abc"} if copied else {})


def test_a_delete_of_debezium_is_one_in_avro_too() -> None:
    row = record(field("text", "string"), name="example.Row")
    schema = record(field("before", ["null", row]), field("after", ["null", "example.Row"]), field("op", "string"))
    fields = Fields.parse("after.text")
    assert request(schema, {"before": None, "after": {"text": "fine"}, "op": "c"}, fields).text == "fine"
    assert isinstance(decoded(schema, {"before": {"text": "a"}, "after": None, "op": "d"}, fields), Tombstone)


def test_types_of_other_subjects_are_fetched_with_the_schema() -> None:
    inner = {"schema": orjson.dumps(INNER).decode()}
    middle_schema = record(field("inner", "example.Inner"), name="example.Middle")
    to_inner = {"name": "example.Inner", "subject": "in ner", "version": 3}
    middle = {"schema": orjson.dumps(middle_schema).decode(), "references": [to_inner]}
    to_middle = {"name": "example.Middle", "subject": "middle", "version": 1}
    main_schema = ["null", "example.Middle", record(field("middle", "example.Middle"), field("again", "example.Inner"))]
    main = {"schema": orjson.dumps(main_schema).decode(), "references": [to_middle, to_inner]}
    schemas = Schemas(
        **{
            PLACE: main,
            "/subjects/middle/versions/1?deleted=true": middle,
            "/subjects/in%20ner/versions/3?deleted=true": inner,
        }
    )
    # branch 2 of the union, and branch 1 of the union in each Inner
    value = BEFORE + b"\4" + b"\2\x08fine" + b"\2\4no"
    requests, others = decoder(schemas, Fields.parse("middle.inner.body"))([text(value)])
    assert (requests[0].text, others) == ("fine", [])
    assert len(schemas.asked) == 3


def test_a_schema_is_asked_for_once_and_also_found_by_the_header() -> None:
    guid = uuid.uuid4()
    schemas = Schemas(**{PLACE: TEXT, f"/schemas/guids/{guid}": TEXT})
    value = written(TEXT, {"id": "m", "text": "fine"})
    name, by_guid = "__value_schema_id", b"\1" + guid.bytes
    records = [
        text(BEFORE + value),
        text(value, (name, by_guid)),
        text(value, ("mine", b"1"), (name, BEFORE)),
        text(by_guid + value),
    ]
    decode = decoder(schemas)
    for _ in range(2):
        requests, others = decode(records)
        assert ([request.text for request in requests], others) == (["fine"] * 4, [])
    assert sorted(schemas.asked) == sorted([PLACE, f"/schemas/guids/{guid}"])


def test_bytes_that_are_not_what_the_schema_says_are_refused_and_never_shown() -> None:
    good = written(TEXT, {"id": "m", "text": "secret"})
    for value, detail in [
        (good[:-1], "read by schema id 7 the bytes are cut off"),
        (good + b"\0\0", "read by schema id 7 the bytes go on for 2 more"),
        (b"\0\6\xff\xffa", "read by schema id 7 the bytes do not fit (UnicodeDecodeError)"),
        (b"\x08" + good, "read by schema id 7 the bytes do not fit (KeyError)"),
    ]:
        assert refusal(TEXT, value) == ("invalid_avro", detail)


def test_a_value_that_names_no_schema_and_one_that_is_no_record_are_refused() -> None:
    decode = decoder(Schemas(**{PLACE: "string"}))
    found = decode([text(b'{"text": "x"}'), text(b""), text(b"\0\0"), text(BEFORE + b"\2a"), text(None)])[1]
    reasons = [other.reason if isinstance(other, Rejected) else other for other in found]
    assert reasons == ["invalid_avro"] * 3 + ["not_an_object", Tombstone(4)]


def test_a_value_that_is_nested_beyond_measure_costs_itself_alone() -> None:
    value = b"\2a\2" * 100_000 + b"\2a\0" + b"\0" * 100_000
    for fields in (Fields(), Fields.parse(copied=("replies",))):
        told = refusal(ENDLESS, value, fields)
        assert told == ("invalid_avro", "read by schema id 7 the bytes do not fit (RecursionError)")
    assert request(ENDLESS, {"text": "fine", "replies": [{"text": "no", "replies": []}]}).text == "fine"


@pytest.mark.parametrize(
    ("schema", "detail"),
    [
        ({"schema": "{}", "schemaType": "PROTOBUF"}, "schema id 7 is of type PROTOBUF"),
        ({"type": "array", "items": "null"}, "an array has elements that take no bytes"),
        ({"type": "no such type"}, "schema id 7 cannot be used"),
        ({"schema": "{"}, "schema id 7 cannot be used"),
    ],
)
def test_a_schema_that_nothing_can_be_read_by_is_told(schema: Any, detail: str) -> None:
    reason, told = refusal(schema, b"\xfe\xff\xff\xff\xff\x01" * 2)
    assert (reason, detail in told) == ("unknown_schema", True), told


def test_a_registry_that_is_away_is_waited_for() -> None:
    schemas = Schemas(**{PLACE: TEXT})
    decode, value = decoder(schemas), BEFORE + written(TEXT, {"id": "m", "text": "fine"})
    schemas.is_away = True
    with pytest.raises(RegistryAwayError, match="no schema registry answers"):
        decode([text(value)])
    schemas.is_away = False
    assert decode([text(value)])[0][0].text == "fine"
    schemas.is_away = True
    assert decode([text(value)])[0][0].text == "fine"


def test_broken_bytes_never_cost_more_than_their_record() -> None:
    chance = random.Random(7)  # noqa: S311 - it must be the same each time
    schema = record(
        field("text", ["null", "string"]),
        AT,
        PRICE,
        field("tags", {"type": "array", "items": ["null", "string", INNER]}),
        field("more", {"type": "map", "values": {"type": "fixed", "name": "F", "size": 2}}),
    )
    good = written(
        schema, {"text": "fine", "at": 1, "price": Decimal("1.00"), "tags": ["a", {"body": "b"}], "more": {"c": b"de"}}
    )
    fields = Fields.parse(copied=("at", "price", "tags", "more"))
    decode = decoder(Schemas(**{PLACE: schema}), fields)
    records = []
    for _ in range(2_000):
        value = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            value[chance.randrange(len(value))] = chance.randrange(256)
        records.append(text(BEFORE + bytes(value[: chance.randint(0, len(value) + 4)])))
    requests, others = decode(records)
    assert len(requests) + len(others) == len(records)
    assert requests
    assert others
