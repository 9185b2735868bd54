"""The label in Avro: its schema, and the record that stands for one."""

from typing import Any

import orjson
from pydantic import TypeAdapter

from schemas.avro_schema import avro_schema
from schemas.emotion_label import EmotionLabel

_LABEL = TypeAdapter(EmotionLabel)


def label_schema() -> dict[str, Any]:
    """The schema of labels."""
    return avro_schema(EmotionLabel)


def label_record(label: EmotionLabel) -> dict[str, Any]:
    """What an Avro writer takes. A copied text is itself, null is null, and anything else is its JSON."""
    source, copied = label.source, label.copied
    return vars(label) | {
        "model": vars(label.model),
        "source": None if source is None else vars(source),
        "copied": {path: _copied(value) for path, value in copied.items()} if copied else copied,
    }


def read_record(record: Any) -> EmotionLabel:
    """The label that was read by today's schema.

    Raises:
        pydantic.ValidationError: It is none.
    """
    return _LABEL.validate_python(record)


def _copied(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
