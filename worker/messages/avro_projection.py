"""The wanted fields of an Avro record, straight from its bytes; the others are passed over.

fastavro makes an object of each field, which takes several times as long as orjson takes for the whole. It stays the
one that reads all but the simplest: what is not simple makes `projection` give None.
"""

from collections.abc import Collection, Sequence
from typing import Any

from worker.messages.avro_bytes import READERS, SKIPS, Read, Skip, read_long, skip_bytes, width_skipper
from worker.messages.avro_types import Path, Schema

_MOST_OPTIONS = 64  # of a union, whose index is one byte then


class NotSimpleError(Exception):
    """A wanted field is of a type that fastavro reads."""


def projection(schema: Schema, paths: Collection[Path]) -> Read | None:
    """Reads these fields of a record; None where it takes fastavro. Bytes that do not fit raise any error.

    Args:
        schema: The writer's, each type written out where it is met first.
        paths: To the fields. What a path leads to is read whole.
    """
    if not isinstance(schema, dict) or schema["type"] != "record":
        return None
    try:
        return _Projection().reader(schema, paths)
    except NotSimpleError:
        return None


class _Projection:
    """Makes readers and skippers, and remembers the named types that it has met."""

    def __init__(self) -> None:
        self._types: dict[str, Schema] = {}
        self._skips: dict[str, Skip] = {}
        self._steps: dict[str, list[Skip]] = {}

    def reader(self, schema: Schema, paths: Collection[Path]) -> Read:
        """Of a type that paths lead through, or to: then one of them is empty."""
        if isinstance(schema, str) and schema in self._types:
            raise NotSimpleError  # a type that is met again may hold itself
        if isinstance(schema, list):
            if len(schema) > _MOST_OPTIONS:
                raise NotSimpleError
            return _union_reader([self.reader(option, paths) for option in schema])
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "record":
            return self._record_reader(schema, paths)
        if kind not in READERS or (isinstance(schema, dict) and "logicalType" in schema):
            raise NotSimpleError
        return READERS[kind]

    def _record_reader(self, schema: Schema, paths: Collection[Path]) -> Read:
        self._types[schema["name"]] = schema
        is_whole = () in paths
        steps: list[tuple[str | None, Any]] = []
        for field in schema["fields"]:
            behind = {()} if is_whole else {path[1:] for path in paths if path and path[0] == field["name"]}
            if behind:
                steps.append((field["name"], self.reader(field["type"], behind)))
            else:
                steps += [(None, skip) for skip in self._skips_of(field["type"])]

        def read(data: bytes, at: int) -> tuple[Any, int]:
            found = {}
            for name, step in steps:
                if name is None:
                    at = step(data, at)
                else:
                    found[name], at = step(data, at)
            return found, at

        return read

    def skipper(self, schema: Schema) -> Skip:
        """Of any type."""
        if isinstance(schema, list):
            if len(schema) > _MOST_OPTIONS:
                raise NotSimpleError
            return _union_skipper([self.skipper(option) for option in schema])
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in SKIPS:
            return SKIPS[kind]
        if kind in ("array", "map"):
            return _blocks_skipper(self.skipper(schema["items" if kind == "array" else "values"]), kind == "map")
        if kind == "record":
            return self._record_skipper(schema)
        if kind == "fixed":
            self._skips[schema["name"]] = skip = width_skipper(schema["size"])
            return skip
        if kind == "enum":
            self._skips[schema["name"]] = SKIPS["long"]
            return SKIPS["long"]
        return self._named_skipper(kind)

    def _record_skipper(self, schema: Schema) -> Skip:
        self._types[schema["name"]] = schema
        steps: list[Skip] = []

        def skip(data: bytes, at: int) -> int:
            for step in steps:
                at = step(data, at)
            return at

        self._skips[schema["name"]] = skip  # it may hold itself
        self._steps[schema["name"]] = steps
        for field in schema["fields"]:
            steps += self._skips_of(field["type"])
        return skip

    def _skips_of(self, schema: Schema) -> list[Skip]:
        """Of a field: those of its own fields, where it is a record."""
        skip = self.skipper(schema)
        is_record = isinstance(schema, dict) and schema["type"] == "record"
        return self._steps[schema["name"]] if is_record else [skip]

    def _named_skipper(self, name: str) -> Skip:
        if name in self._skips:
            return self._skips[name]
        if name not in self._types:  # an enum that was read before
            raise NotSimpleError
        return self._record_skipper(self._types[name])


def _union_reader(options: Sequence[Read]) -> Read:
    by_byte = {2 * index: option for index, option in enumerate(options)}

    def read(data: bytes, at: int) -> tuple[Any, int]:
        return by_byte[data[at]](data, at + 1)

    return read


def _union_skipper(options: Sequence[Skip]) -> Skip:
    by_byte = {2 * index: option for index, option in enumerate(options)}

    def skip(data: bytes, at: int) -> int:
        return by_byte[data[at]](data, at + 1)

    return skip


def _blocks_skipper(skip_item: Skip, has_keys: bool) -> Skip:
    def skip(data: bytes, at: int) -> int:
        while data[at]:
            count, at = read_long(data, at)
            if count < 0:  # then the block says how long it is
                at = skip_bytes(data, at)
            elif not count:  # in more bytes than it takes
                return at
            for _ in range(count):
                at = skip_item(data, skip_bytes(data, at) if has_keys else at)
                if at > len(data):
                    raise EOFError
        return at + 1

    return skip
