"""The wanted fields of a record, beside what fastavro reads of the whole."""

import random
from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader

from tests.harness.avro_texts import field, record, written
from worker.messages.avro_projection import projection
from worker.messages.avro_types import WriterTypes, with_aliases

SIMPLE = ("null", "boolean", "int", "long", "double", "string")
OTHERS = (*SIMPLE, "float", "bytes")
WORDS = ("", "fine", "é" * 40, "x" * 70, "🙂" * 5_000)


class Made:
    """Schemas by chance, and values of them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - it must be the same each time
        self.names = 0

    def schema(self, depth: int, only_simple: bool) -> Any:
        """A type that holds others down to a depth."""
        kinds = ["union", "record"] if only_simple else ["union", "record", "array", "map", "enum", "fixed"]
        kind = self.chance.choice([*kinds, "leaf", "leaf"]) if depth else "leaf"
        self.names += 1
        name = f"example.N{self.names}"
        match kind:
            case "union":
                return ["null", self.schema(0, only_simple) or "string"]
            case "record":
                fields = [field(f"f{n}", self.schema(depth - 1, only_simple)) for n in range(self.chance.randint(1, 4))]
                return record(*fields, name=name)
            case "array":
                return {"type": kind, "items": ["null", self.schema(depth - 1, only_simple)]}
            case "map":
                return {"type": kind, "values": ["null", self.schema(depth - 1, only_simple)]}
            case "enum":
                return {"type": kind, "name": name, "symbols": ["A", "B"]}
            case "fixed":
                return {"type": kind, "name": name, "size": 3}
        return self.chance.choice(SIMPLE[1:] if only_simple else OTHERS[1:])

    def value(self, schema: Any) -> Any:
        """One of these."""
        chance = self.chance
        if isinstance(schema, list):
            return self.value(chance.choice(schema))
        kind = schema if isinstance(schema, str) else schema["type"]
        match kind:
            case "record":
                return {each["name"]: self.value(each["type"]) for each in schema["fields"]}
            case "array":
                return [self.value(schema["items"]) for _ in range(chance.randint(0, 70))]
            case "map":
                return {str(number): self.value(schema["values"]) for number in range(chance.randint(0, 3))}
        simple = {
            "null": None,
            "boolean": chance.random() < 0.5,
            "int": chance.randint(-(2**31), 2**31 - 1),
            "long": chance.choice([-1, 0, 63, 64, -(2**63), 2**63 - 1]),
            "float": 0.5,
            "double": chance.random(),
            "bytes": b"\0" * chance.randint(0, 200),
            "string": chance.choice(WORDS),
            "enum": "B",
            "fixed": b"abc",
        }
        return simple[kind]


def flat(schema: Any) -> Any:
    """As the reader of a registry's schema hands it on."""
    return with_aliases(WriterTypes({}, is_shown=False).rewrite(parse_schema(schema)), ())


@pytest.mark.parametrize("seed", range(60))
def test_the_wanted_fields_are_those_that_fastavro_reads_whatever_stands_between(seed: int) -> None:
    made = Made(seed)
    fields = [field(f"wanted{n}", made.schema(2, only_simple=True)) for n in range(2)]
    fields += [field(f"other{n}", made.schema(3, only_simple=False)) for n in range(4)]
    made.chance.shuffle(fields)
    schema = flat(record(*fields))
    read = projection(schema, [("wanted0",), ("wanted1",), ("absent", "too")])
    assert read is not None
    for _ in range(5):
        data = b"before" + written(schema, made.value(schema))
        whole = schemaless_reader(BytesIO(data[6:]), parse_schema(schema), None)
        assert isinstance(whole, dict)
        found, end = read(data, 6)
        assert (found, end) == ({name: whole[name] for name in whole if name.startswith("wanted")}, len(data))


def test_of_a_nested_record_the_wanted_field_alone_is_read_and_a_type_that_holds_itself_is_passed_over() -> None:
    node = record(field("name", "string"), field("next", ["null", "example.Node"]), name="example.Node")
    body = ["null", record(field("lang", "string"), field("body", "string"), name="example.Body")]
    schema = flat(record(field("node", node), field("again", "example.Node"), field("text", body)))
    read = projection(schema, [("text", "body")])
    assert read is not None
    two = {"name": "a", "next": {"name": "b", "next": None}}
    data = written(schema, {"node": two, "again": two, "text": {"lang": "en", "body": "fine"}})
    assert read(data, 0) == ({"text": {"body": "fine"}}, len(data))


def test_blocks_that_say_how_long_they_are_are_passed_over() -> None:
    schema = flat(record(field("tags", {"type": "array", "items": "string"}), field("text", "string")))
    read = projection(schema, [("text",)])
    assert read is not None
    blocks = b"\x03\x08\x02a\x02b" + b"\x02\x02c" + b"\0"  # two in four bytes, one, none
    assert read(blocks + b"\x08fine", 0) == ({"text": "fine"}, len(blocks) + 5)


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "array", "items": "string"},
        {"type": "map", "values": "string"},
        {"type": "enum", "name": "E", "symbols": ["a"]},
        "bytes",
        ["null", {"type": "fixed", "name": "F", "size": 2}],
    ],
)
def test_a_wanted_field_that_is_not_simple_is_left_to_fastavro(kind: Any) -> None:
    assert projection(flat(record(field("text", kind))), [("text",)]) is None
    assert projection(flat(kind), [("text",)]) is None
