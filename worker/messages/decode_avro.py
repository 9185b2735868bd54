"""Avro records to requests, each read by the schema that it was written by."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from schemas.codec import read_object
from schemas.dead_letter import Reason
from schemas.errors import InvalidMessageError
from schemas.field_path import json_type
from schemas.fields import Fields
from schemas.text_message import DecodedMessage
from schemas.wire_format import SCHEMA_ID_HEADER, USUAL_KEY_BYTES, schema_key, with_prefix
from worker.flow import Decoded, Record
from worker.messages.avro_reader import avro_reader, read_avro
from worker.messages.decode import decode, read_bounded
from worker.messages.registry_client import RegistryClient
from worker.messages.writer_schemas import WriterSchemas


class AvroDecoder:
    """The decode stage of a topic of Avro."""

    def __init__(self, registry: RegistryClient, fields: Fields, max_bytes: int, skip_without_text: bool) -> None:
        """Prepare; nothing is asked yet.

        Args:
            registry: Where the schemas are.
            fields: Where the parts of a message lie in a record.
            max_bytes: A larger value is not read.
            skip_without_text: A record whose text is absent, null or empty is none to complain of.
        """
        self._schemas = WriterSchemas(registry, partial(avro_reader, paths=fields.paths, is_shown=fields.are_shown))
        self._usual: set[bytes] = set()  # keys of the usual length whose schemas are there
        self._fields = fields
        self._read = partial(read_bounded, self._read_value, max_bytes)
        self._skip_without_text = skip_without_text

    def __call__(self, records: Iterable[Record]) -> Decoded:
        """Read every record of a window.

        Raises:
            RegistryAwayError: A schema is not known, and the registry does not say whether there is one.
        """
        named = [_with_prefix(record) if record.headers else record for record in records]
        if not {record.value[:USUAL_KEY_BYTES] for record in named if record.value} <= self._usual:
            keys = {key for record in named if record.value and (key := schema_key(record.value))}
            self._schemas.ask(keys)
            self._usual |= {key for key in keys if key in self._schemas}
        return decode(self._read, named, self._skip_without_text)

    def _read_value(self, value: bytes) -> DecodedMessage:
        key: bytes | None = value[:USUAL_KEY_BYTES]
        if key not in self._usual:
            key = schema_key(value)
            if key is None:
                raise InvalidMessageError(Reason.INVALID_AVRO, "neither the value nor a header of it names a schema")
        found = read_avro(self._schemas[key], key, value)
        if found.__class__ is not dict:
            raise InvalidMessageError(Reason.NOT_AN_OBJECT, f"the value is Avro, but {json_type(found)}, not a record")
        return read_object(found, self._fields)


def _with_prefix(record: Record) -> Record:
    """The record with what names its schema before its value, wherever it was."""
    if record.value is None or not any(name == SCHEMA_ID_HEADER for name, _ in record.headers):
        return record
    return replace(record, value=with_prefix(record.value, record.headers))
