"""Avro records to requests, each read by the schema that it was written by."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any

import orjson
from fastavro import _read_py, parse_schema, schemaless_reader

from schemas.codec import read_object
from schemas.dead_letter import Reason
from schemas.errors import InvalidMessageError
from schemas.field_path import json_type
from schemas.fields import Fields
from schemas.text_message import DecodedMessage
from schemas.wire_format import SCHEMA_ID_HEADER, schema_key, schema_words, with_prefix
from worker.flow import Decoded, Record
from worker.messages.avro_types import WriterTypes, with_aliases
from worker.messages.decode import decode, read_bounded
from worker.messages.registry_client import RegistryClient
from worker.messages.writer_schemas import StoredSchema, UnusableSchemaError, WriterSchemas

ReadAvro = Callable[[BytesIO], Any]


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
        self._schemas = WriterSchemas(registry, partial(avro_reader, wanted=fields.names, is_shown=fields.are_shown))
        self._fields = fields
        self._read = partial(read_bounded, self._read_value, max_bytes)
        self._skip_without_text = skip_without_text

    def __call__(self, records: Iterable[Record]) -> Decoded:
        """Read every record of a window.

        Raises:
            RegistryAwayError: A schema is not known, and the registry does not say whether there is one.
        """
        named = [_with_prefix(record) for record in records]
        self._schemas.ask({key for record in named if record.value and (key := schema_key(record.value))})
        return decode(self._read, named, self._skip_without_text)

    def _read_value(self, value: bytes) -> DecodedMessage:
        key = schema_key(value)
        if key is None:
            raise InvalidMessageError(Reason.INVALID_AVRO, "neither the value nor a header of it names a schema")
        found = read_avro(self._schemas[key], key, value)
        if not isinstance(found, dict):
            raise InvalidMessageError(Reason.NOT_AN_OBJECT, f"the value is Avro, but {json_type(found)}, not a record")
        return read_object(found, self._fields)


def avro_reader(stored: StoredSchema, wanted: Iterable[str], is_shown: bool) -> ReadAvro:
    """Reads what was written by a schema.

    Args:
        stored: The writer's.
        wanted: Names of fields that are looked for, perhaps by one of their aliases.
        is_shown: Whether more than a text and its id is read, so that dates and decimal numbers have to be made out.

    Raises:
        UnusableSchemaError: It is no Avro schema, or none of use.
    """
    if stored.kind != "AVRO":
        raise UnusableSchemaError(f"is of type {stored.kind}")
    parse = partial(parse_schema, _ignore_default_error=True)  # older registries took defaults of any type
    types: dict[str, Any] = {}
    try:
        for text in stored.named:
            parse(orjson.loads(text), named_schemas=types)
        rewriting = WriterTypes(types, is_shown)
        rewritten = rewriting.rewrite(parse(orjson.loads(stored.text), named_schemas=types))
        plain, renamed = with_aliases(rewritten, ()), with_aliases(rewritten, frozenset(wanted))
        writer, reader = parse(plain), None if renamed == plain else parse(renamed)
    except Exception as error:  # noqa: BLE001 - whatever it is: nothing can be read by this schema
        raise UnusableSchemaError(f"cannot be used ({type(error).__name__}: {error})") from error
    # What is compiled knows no limit of depth: a value that is nested too deep would end the process.
    read: Callable[..., Any] = _read_py.schemaless_reader if rewriting.is_recursive else schemaless_reader
    return lambda stream: read(stream, writer, reader)


def read_avro(read: ReadAvro, key: bytes, value: bytes) -> Any:
    """What a value holds behind the key that names its schema.

    Raises:
        InvalidMessageError: Its bytes are not what its schema says.
    """
    stream = BytesIO(value)
    stream.seek(len(key))
    try:
        found = read(stream)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a codec raises what it comes upon: these bytes are not what it expects
        what = "are cut off" if isinstance(error, EOFError) else f"do not fit ({type(error).__name__})"
        raise InvalidMessageError(Reason.INVALID_AVRO, f"read by {schema_words(key)} the bytes {what}") from None
    if stream.read(1):
        detail = f"read by {schema_words(key)} {len(value) - stream.tell() + 1} bytes are left over"
        raise InvalidMessageError(Reason.INVALID_AVRO, detail)
    return found


def _with_prefix(record: Record) -> Record:
    """The record with what names its schema before its value, wherever it was."""
    if record.value is None or not any(name == SCHEMA_ID_HEADER for name, _ in record.headers):
        return record
    return replace(record, value=with_prefix(record.value, record.headers))
