"""The label in Avro: today's schema against the released one, either side of a topic upgraded first."""

from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from pydantic import TypeAdapter

from schemas.avro_label import label_record, label_schema, read_record
from schemas.emotion_label import EmotionLabel

SCHEMAS = Path(__file__).parents[2] / "schemas"
RELEASED: dict[str, Any] = orjson.loads(
    (
        max((SCHEMAS / "released").glob("[0-9]*"), key=lambda folder: int(folder.name)) / "emotion-label.avsc"
    ).read_bytes()
)
EXAMPLES = sorted((SCHEMAS / "examples/emotion_label/valid").iterdir())
LABEL = TypeAdapter(EmotionLabel)


def through(label: EmotionLabel, writer: dict[str, Any], reader: dict[str, Any]) -> Any:
    """What a reader of one schema gets from a writer of another."""
    stream = BytesIO()
    schemaless_writer(stream, parse_schema(deepcopy(writer)), label_record(label))
    stream.seek(0)
    return schemaless_reader(stream, parse_schema(deepcopy(writer)), parse_schema(deepcopy(reader)))


def labels() -> list[EmotionLabel]:
    assert EXAMPLES
    return [LABEL.validate_json(path.read_bytes()) for path in EXAMPLES]


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(field for field in schema["fields"] if field["name"] == name)
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_label_in_avro_is_the_label_in_json_but_for_what_was_copied(path: Path) -> None:
    label = LABEL.validate_json(path.read_bytes())
    record = through(label, label_schema(), label_schema())
    copied = {
        name: value if isinstance(value, str | None) else orjson.dumps(value).decode()
        for name, value in label.copied.items()
    }
    assert record == orjson.loads(orjson.dumps(label)) | {"copied": copied}
    assert read_record(record).scores == label.scores


def test_readers_of_the_release_read_todays_labels_and_todays_readers_those_of_the_release() -> None:
    for label in labels():
        for writer, reader in ((label_schema(), RELEASED), (RELEASED, label_schema())):
            assert through(label, writer, reader)["scores"] == label.scores


def without_score(schema: dict[str, Any]) -> None:
    schema["fields"].remove(field(schema, "score"))


def score_as_text(schema: dict[str, Any]) -> None:
    field(schema, "score")["type"] = "string"


def another_name(schema: dict[str, Any]) -> None:
    schema["name"] = "Label"


def a_field_without_a_default(schema: dict[str, Any]) -> None:
    schema["fields"].append({"name": "language", "type": "string"})


@pytest.mark.parametrize("change", [without_score, score_as_text, another_name, a_field_without_a_default])
def test_a_change_that_breaks_a_reader_is_found(change: Any) -> None:
    changed = label_schema()
    change(changed)

    def both_ways() -> None:
        for label in labels():
            through(label, RELEASED, changed)
            through(label, changed, RELEASED)

    with pytest.raises(Exception):  # noqa: B017, PT011 - as fastavro says it
        both_ways()


def test_a_field_with_a_default_may_be_added() -> None:
    changed = label_schema()
    changed["fields"].append({"name": "language", "type": ["null", "string"], "default": None})
    for label in labels():
        assert through(label, RELEASED, changed)["language"] is None
        assert "language" not in through(label, changed, RELEASED)
