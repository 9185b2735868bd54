"""Labels in Avro, with the id of their schema in a registry before them."""

from io import BytesIO

import orjson
from fastavro import parse_schema, schemaless_writer

from schemas.avro_label import label_record, label_schema, read_record
from schemas.emotion_label import EmotionLabel
from schemas.wire_format import read_label, schema_key
from worker.errors import NotAnsweredError, RegistryAwayError
from worker.messages.avro_reader import ReadAvro, fastavro_reader, read_avro
from worker.messages.registry_client import RegistryClient
from worker.messages.stored_schema import AVRO, StoredSchema
from worker.messages.writer_schemas import UnusableSchemaError, WriterSchemas
from worker.settings import Settings

_LABEL = parse_schema(label_schema())


class AvroLabelWriter:
    """Writes labels by today's schema."""

    def __init__(self, before: bytes) -> None:
        """Prepare; `before` names that schema in front of every label."""
        self._before = before

    def __call__(self, label: EmotionLabel) -> bytes:
        """The label as bytes."""
        output = BytesIO()
        output.write(self._before)
        schemaless_writer(output, _LABEL, label_record(label))
        return output.getvalue()


class LabelReader:
    """Reads labels as any worker wrote them: JSON with a prefix or without one, or Avro."""

    def __init__(self, settings: Settings) -> None:
        """Prepare; nothing is asked yet."""
        self._schemas = WriterSchemas(RegistryClient(settings), _by_todays, spread_seconds=0)

    def __call__(self, value: bytes) -> EmotionLabel:
        """The label of a value.

        Raises:
            ValueError: It is none.
            NotAnsweredError: The registry does not say by which schema it was written.
        """
        key = schema_key(value)
        if key is None or value[len(key) : len(key) + 1] == b"{":  # with which no label in Avro begins
            return read_label(value)
        try:
            self._schemas.ask([key])
        except RegistryAwayError as error:
            raise NotAnsweredError(str(error)) from error
        return read_record(read_avro(self._schemas[key], key, value))


def _by_todays(stored: StoredSchema) -> ReadAvro:
    """Reads by today's schema what another version may have written."""
    if stored.kind != AVRO:
        raise UnusableSchemaError(f"is of type {stored.kind}")
    try:
        return fastavro_reader(orjson.loads(stored.text), label_schema())
    except Exception as error:  # whatever it is: no label was written by this schema
        raise UnusableSchemaError(f"cannot be used ({type(error).__name__})") from error
