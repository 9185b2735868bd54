"""Texts in Avro, and a registry of schemas that is a dictionary."""

from io import BytesIO
from typing import Any

import orjson
from fastavro import parse_schema, schemaless_writer

from worker.errors import UserError
from worker.messages.registry_client import Answer


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    """A field of a record."""
    return {"name": name, "type": kind, **more}


def record(*fields: dict[str, Any], name: str = "example.Text", **more: Any) -> dict[str, Any]:
    """A record's schema."""
    return {"type": "record", "name": name, "fields": list(fields), **more}


def written(schema: Any, content: Any) -> bytes:
    """The bytes of a value, without what names its schema."""
    stream = BytesIO()
    schemaless_writer(stream, parse_schema(schema), content)
    return stream.getvalue()


class Schemas:
    """Answers as the client of a registry does, and keeps the paths that were asked for."""

    def __init__(self, **schemas: Any) -> None:
        """Hold these, by the path's last part (`id7`), each a schema or the whole answer of a registry."""
        self.schemas = schemas
        self.asked: list[str] = []
        self.is_away = False

    def get(self, path: str) -> Answer:
        """What is there."""
        self.asked.append(path)
        if self.is_away:
            raise UserError("no schema registry answers")
        found = self.schemas.get(path)
        if found is None:
            return Answer("here", 404, b'{"error_code": 40403}')
        whole = found if isinstance(found, dict) and "schema" in found else {"schema": orjson.dumps(found).decode()}
        return Answer("here", 200, orjson.dumps(whole))
