"""Avro values of any schema, as people read them."""

import orjson

from schemas.errors import InvalidMessageError
from schemas.wire_format import schema_key, with_prefix
from worker.errors import NotAnsweredError, RegistryAwayError
from worker.flow import Record
from worker.messages.avro_reader import ReadAvro, fastavro_reader, read_avro, writer_types
from worker.messages.registry_client import RegistryClient
from worker.messages.stored_schema import StoredSchema
from worker.messages.writer_schemas import WriterSchemas
from worker.settings.schema_registry import RegistrySettings


class ShownAvro:
    """Writes what a value holds as JSON, by the schema that it was written by."""

    def __init__(self, settings: RegistrySettings) -> None:
        """Prepare; nothing is asked yet."""
        self._schemas = WriterSchemas(RegistryClient(settings), _all_of_it, spread_seconds=0)

    def __call__(self, record: Record) -> str | None:
        """The JSON; None where the value is no Avro, or cannot be read as such.

        Raises:
            NotAnsweredError: The registry does not say by which schema it was written.
        """
        value = with_prefix(record.value or b"", record.headers)
        key = schema_key(value)
        if key is None:
            return None
        try:
            self._schemas.ask([key])
            return orjson.dumps(read_avro(self._schemas[key], key, value), default=_escaped).decode()
        except RegistryAwayError as error:
            raise NotAnsweredError(str(error), "or show the letters without --with-value") from error
        except InvalidMessageError:
            return None


def _all_of_it(stored: StoredSchema) -> ReadAvro:
    types, is_recursive = writer_types(stored, is_shown=True)
    return fastavro_reader(types, is_recursive=is_recursive)


def _escaped(found: object) -> str:
    """What JSON has no word for: bytes."""
    return found.decode(errors="backslashreplace") if isinstance(found, bytes) else str(found)
