"""Texts and labels in Avro through a real schema registry, with Confluent's own serializers on the other side."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas.published import documents
from tests.harness.avro_texts import field, record
from tests.harness.guarded_registry import PASSWORD, USER, GuardedRegistry
from tests.harness.independent import NewRecord, StoredRecord, create_topic, produce
from tests.harness.schema_registry import SchemaRegistry
from tests.integration.conftest import Stream, message

LOGIN = {"schema_registry_username": USER, "schema_registry_password": PASSWORD}
RELEASED = Path(__file__).parents[2] / "schemas/released/1/emotion-label.avsc"
FILE = "emotion-label.avsc"

AT = field("at", {"type": "long", "logicalType": "timestamp-millis"})
OLD = record(field("id", "string"), field("text", "string"), name="example.Post")
WIDER = record(  # a reader of either reads what the other wrote
    field("id", ["null", "string"], default=None),
    field("lang", {"type": "enum", "name": "Lang", "symbols": ["de", "en"]}, default="en"),
    field("text", ["null", "string"], default=None),
    AT | {"default": 0},
    name="example.Post",
)
RENAMED = record(field("id", "string"), field("body", "string", aliases=["text"]), name="example.Post")
AUTHOR = record(field("name", "string"), name="example.Author")
NESTED = record(
    field("id", "string"),
    field("author", "example.Author"),
    field("price", {"type": "bytes", "logicalType": "decimal", "precision": 8, "scale": 2}),
    field("post", ["null", record(field("body", "string"), name="example.Body")]),
    name="example.Nested",
)


@pytest.fixture
def front(registry: SchemaRegistry) -> Iterator[GuardedRegistry]:
    """A registry that wants a password, knows GUIDs and can be out of order."""
    with GuardedRegistry(registry.url) as guarded:
        yield guarded


@pytest.fixture
def client(front: GuardedRegistry) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": front.url, "basic.auth.user.info": f"{USER}:{PASSWORD}"})


def context(topic: str, headers: Any = None) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE, [] if headers is None else headers)


def text(client: SchemaRegistryClient, topic: str, schema: Any, content: dict[str, Any], **options: Any) -> NewRecord:
    """A text as Confluent's serializer writes it; a serializer of its own, as that of another producer."""
    given = schema if isinstance(schema, Schema) else Schema(orjson.dumps(schema).decode(), "AVRO")
    headers: list[tuple[str, bytes | None]] = []
    value = AvroSerializer(client, given, conf=options)(content, context(topic, headers))
    return NewRecord(value, b"k", tuple(headers), partition=0)


def read_labels(
    client: SchemaRegistryClient, records: list[StoredRecord], topic: str, schema: str | None = None
) -> Any:
    read = AvroDeserializer(client, schema)
    return [read(record.value, context(topic, list(record.headers))) for record in records]


def reasons(records: list[StoredRecord]) -> list[tuple[bytes | None, bytes | None]]:
    return [(letter.value, dict(letter.headers)["dead-letter-reason"]) for letter in records]


def test_confluents_serializers_on_both_sides_while_schemas_change_under_a_worker_that_runs(
    front: GuardedRegistry, client: SchemaRegistryClient, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream(
        settings={"schema_registry_url": front.url, "input_format": "avro", "output_format": "avro"}
        | LOGIN
        | {"text_field": "text,post.body", "copy_fields": "lang,at,price,author"}
    )
    topic = stream.input
    client.register_schema("authors", Schema(orjson.dumps(AUTHOR).decode(), "AVRO"))
    nested = Schema(orjson.dumps(NESTED).decode(), "AVRO", [SchemaReference("example.Author", "authors", 1)])
    nested_content = {"id": "n", "author": {"name": "me"}, "price": Decimal("9.50"), "post": {"body": "nested"}}
    by_record = {"subject.name.strategy": lambda *_: "example.Nested"}
    in_header = {"schema.id.serializer": header_schema_id_serializer}
    with stream.worker() as worker:
        stream.produce([text(client, topic, OLD, {"id": "old", "text": "the first"})])
        stream.labels(1)
        wider = {"id": None, "lang": "de", "text": "the second", "at": 1764000000123}
        stream.produce([text(client, topic, WIDER, wider), text(client, topic, OLD, {"id": "old2", "text": "again"})])
        stream.labels(3)
        stream.produce(
            [
                text(client, topic, RENAMED, {"id": "renamed", "body": "the third"}),
                text(client, topic, nested, nested_content, **by_record),
                text(client, topic, OLD, {"id": "header", "text": "by its GUID"}, **in_header),
            ]
        )
        labels = stream.labels(6)
        assert worker.terminate() == 0
    for schema in (None, RELEASED.read_text(), documents()[FILE].decode()):
        found = read_labels(client, labels, stream.output, schema)
        assert [label["id"] for label in found] == ["old", f"{topic}-0-1", "old2", "renamed", "n", "header"]
    assert found[1]["copied"] == {"lang": "de", "at": "2025-11-24T16:00:00.123Z"}
    assert found[4]["copied"] == {"price": "9.5", "author": '{"name":"me"}'}
    assert abs(sum(found[5]["scores"].values()) - 1) < 1e-5
    assert all(header != "__value_schema_id" for label in labels for header, _ in label.headers)
    latest = client.get_latest_version(f"{stream.output}-value").schema
    assert (latest.schema_type, orjson.loads(latest.schema_str or "")) == ("AVRO", orjson.loads(documents()[FILE]))


def test_a_registry_that_is_away_is_waited_for_and_what_it_does_not_know_becomes_a_dead_letter(
    front: GuardedRegistry, client: SchemaRegistryClient, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream(
        settings={"schema_registry_url": front.url, "input_format": "avro", "output_format": "json"} | LOGIN
    )
    good = text(client, stream.input, OLD, {"id": "good", "text": "fine"})
    assert good.value is not None
    cut, unknown, plain = good.value[:-1], b"\0\x07\0\0\x07" + good.value[5:], b'{"text": "JSON"}'
    with stream.worker() as worker:
        worker.wait_until_ready()
        front.out_of_order = 10**6
        stream.produce([good, *(NewRecord(value, b"k", partition=0) for value in (cut, unknown, plain)), good])
        worker.wait_for("schema_registry_away")
        assert not any(stream.committed().values())
        front.out_of_order = 0
        labels, letters = stream.labels(2), stream.letters(3)
        worker.wait_for("it is asked once more")
        assert worker.terminate() == 0
    assert [orjson.loads(label.value or b"")["id"] for label in labels] == ["good"] * 2
    assert reasons(letters) == [(cut, b"invalid_avro"), (unknown, b"unknown_schema"), (plain, b"invalid_avro")]


def test_labels_of_all_formats_are_compared_and_tell_a_new_group_where_to_go_on(
    front: GuardedRegistry, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream()
    second, letters = (create_topic(stream.servers, prefix=prefix, partitions=2) for prefix in ("second", "letters"))
    registry = {"schema_registry_url": front.url} | LOGIN
    for labelled, settings in ((5, {}), (10, registry | {"output_format": "avro"})):
        stream.produce([message(f"m{n}", f"text number {n}", partition=0) for n in range(5)])
        with stream.worker(**settings) as worker:
            stream.labels(labelled)
            assert worker.terminate() == 0
    with stream.worker(**registry, output_format="avro", group_id=f"{stream.group}-new") as worker:
        worker.wait_until_ready()
        events = [orjson.loads(line) for line in worker.log.splitlines() if '"partitions_assigned"' in line]
        assert events[0]["starts"][f"{stream.input}-0"]["offset"] == 10
        assert worker.terminate() == 0
    command = ["run", "--from=earliest", "--until=now", f"--to={second}", f"--dead-letters={letters}"]
    bounded = stream.worker(**registry, output_format="avro")
    done = bounded.command(*command, f"--compare={stream.output}")
    assert done.returncode == 0, done.stderr
    figures = orjson.loads(done.stdout.splitlines()[-1])
    assert (figures["labelled"], figures["compared"], figures["changed"]) == (10, 10, [])


def test_dead_letters_in_avro_are_shown_as_json(
    front: GuardedRegistry, client: SchemaRegistryClient, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream(settings={"schema_registry_url": front.url, "input_format": "avro"} | LOGIN)
    content = {"id": "o", "lang": "de", "text": "the old one", "at": 1764000000123}
    shown = '{"id":"o","lang":"de","text":"the old one","at":"2025-11-24T16:00:00.123Z"}'
    by_id = text(client, stream.input, WIDER, content)
    in_header = text(client, stream.input, WIDER, content, **{"schema.id.serializer": header_schema_id_serializer})
    cut = replace(by_id, value=(by_id.value or b"")[:-3])
    letters = [by_id, in_header, cut, replace(by_id, value=b"\0\0\0\xff\xff"), replace(by_id, value=None)]
    said = {"reason": "model_failed", "detail": "why", "origin": "in-0-1", "model": "m", "at-ms": "1"}
    named = tuple((f"dead-letter-{name}", value.encode()) for name, value in said.items())
    produce(stream.servers, stream.dead_letters, [replace(each, headers=(*each.headers, *named)) for each in letters])

    show = ["dead-letters", "show", "--with-value"]
    done = stream.worker().command(*show)

    assert done.returncode == 0, done.stderr
    values = [orjson.loads(line)["value"] for line in done.stdout.splitlines()]
    assert values[:2] == [shown, shown]
    assert values[2] == (cut.value or b"").decode(errors="backslashreplace")
    assert values[3:] == ["\0\0\0\\xff\\xff", None]
    done = stream.worker(schema_registry_url="http://127.0.0.1:1").command(*show)
    assert (done.returncode, done.stdout) == (1, "")
    assert "without --with-value" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_check_says_whether_texts_can_be_read_and_labels_written(
    front: GuardedRegistry, client: SchemaRegistryClient, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream(
        settings={"schema_registry_url": front.url, "input_format": "avro", "output_format": "avro"} | LOGIN
    )
    texts, labels = f"{stream.input}-value", f"{stream.output}-value"
    code, report = stream.worker().check()
    assert (code, f"subject {texts} is not there" in report) == (0, True), report
    assert f"subject {labels} will hold the label's schema" in report
    client.register_schema(texts, Schema(orjson.dumps(RENAMED).decode(), "AVRO"))
    assert f"subject {texts} has a field for the text" in stream.worker().check()[1]
    assert f"subject {texts} has no field title in its latest" in stream.worker(text_field="title").check()[1]
