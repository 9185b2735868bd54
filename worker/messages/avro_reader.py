"""Avro bytes to what they hold, by the schema that they were written by."""

from collections.abc import Callable, Collection
from functools import partial
from io import BytesIO
from typing import Any

import orjson
from fastavro import _read_py, parse_schema, schemaless_reader

from schemas.change_event import MARK
from schemas.dead_letter import Reason
from schemas.errors import InvalidMessageError
from schemas.wire_format import schema_words
from worker.messages.avro_projection import projection
from worker.messages.avro_types import Path, WriterTypes, with_aliases
from worker.messages.stored_schema import AVRO, StoredSchema
from worker.messages.writer_schemas import UnusableSchemaError

ReadAvro = Callable[[bytes, int], tuple[Any, int]]
"""What stands at a place in some bytes, and the place behind it."""

_OF_ROWS = ("op", MARK)  # fields beside those on the way to a text that say whether there is one


def avro_reader(stored: StoredSchema, paths: Collection[Path], is_shown: bool) -> ReadAvro:
    """Reads what was written by a schema.

    Args:
        stored: The writer's.
        paths: To the fields that are looked for, perhaps by their aliases.
        is_shown: Whether more than a text and its id is read, so that dates and decimal numbers have to be made out.

    Raises:
        UnusableSchemaError: It is no Avro schema, or none of use.
    """
    rewritten, is_recursive = writer_types(stored, is_shown)
    renamed = with_aliases(rewritten, paths)
    rows = {path[:depth] for path in paths for depth in range(len(path))}
    if simple := projection(renamed, {*paths, *((*row, name) for row in rows for name in _OF_ROWS)}):
        return simple
    plain = with_aliases(rewritten, ())
    return fastavro_reader(plain, None if renamed == plain else renamed, is_recursive)


def fastavro_reader(writer: Any, reader: Any = None, is_recursive: bool = False) -> ReadAvro:
    """Reads what was written by a schema of fastavro's kind, by another one that is given."""
    writer, reader = parse_schema(writer), reader and parse_schema(reader)
    # What is compiled knows no limit of depth: a value that is nested too deep would end the process.
    decode: Callable[..., Any] = _read_py.schemaless_reader if is_recursive else schemaless_reader

    def read(data: bytes, at: int) -> tuple[Any, int]:
        stream = BytesIO(data)
        stream.seek(at)
        return decode(stream, writer, reader), stream.tell()

    return read


def writer_types(stored: StoredSchema, is_shown: bool = False) -> tuple[Any, bool]:
    """The schema with its types rewritten, and whether one of them holds itself.

    Raises:
        UnusableSchemaError: It is no Avro schema, or none of use.
    """
    if stored.kind != AVRO:
        raise UnusableSchemaError(f"is of type {stored.kind}")
    parse = partial(parse_schema, _ignore_default_error=True)  # older registries took defaults of any type
    types: dict[str, Any] = {}
    try:
        for text in stored.named:
            parse(orjson.loads(text), named_schemas=types)
        rewriting = WriterTypes(types, is_shown)
        rewritten = rewriting.rewrite(parse(orjson.loads(stored.text), named_schemas=types))
    except Exception as error:  # a parser raises what it comes upon: nothing can be read by this schema
        raise UnusableSchemaError(f"cannot be used ({type(error).__name__}: {error})") from error
    return rewritten, rewriting.is_recursive


def read_avro(read: ReadAvro, key: bytes, value: bytes) -> Any:
    """What a value holds behind the key that names its schema.

    Raises:
        InvalidMessageError: Its bytes are not what its schema says.
    """
    try:
        found, end = read(value, len(key))
    except MemoryError:
        raise
    except Exception as error:  # a codec raises what it comes upon: these bytes are not what it expects
        what = "are cut off" if isinstance(error, EOFError) else f"do not fit ({type(error).__name__})"
    else:
        if end == len(value):
            return found
        what = f"go on for {len(value) - end} more" if end < len(value) else "are cut off"
    raise InvalidMessageError(Reason.INVALID_AVRO, f"read by {schema_words(key)} the bytes {what}")
