"""The OpenAPI document, made from the list of paths and the models that they name."""

from importlib.metadata import version
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from worker.serve.paths import PATHS, Path

_REFERENCE = "#/components/schemas/{model}"


def document(has_token: bool) -> dict[str, Any]:
    """OpenAPI 3.1. `has_token`: requests must carry one."""
    kinds: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = []
    for path in PATHS:
        kinds += [
            ((path.name, status), "serialization", TypeAdapter(kind)) for status, (_, kind) in path.answers.items()
        ]
        if path.takes is not None:
            kinds.append(((path.name, "takes"), "validation", TypeAdapter(path.takes)))
    schemas, shared = TypeAdapter.json_schemas(kinds, ref_template=_REFERENCE)
    by_place = {place: schema for (place, _), schema in schemas.items()}
    paths: dict[str, Any] = {}
    for path in PATHS:
        paths[path.path] = {path.method.lower(): _operation(path, by_place, has_token)}
    components = {"schemas": shared.get("$defs", {})}
    if has_token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    info = {"title": "Emotion labeller", "version": version("emotion-labeller"), "license": {"name": "Apache-2.0"}}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": components}


def _operation(path: Path, schemas: dict[Any, Any], has_token: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"operationId": path.name, "summary": path.summary, "responses": {}}
    for status, (words, kind) in sorted(path.answers.items()):
        content_type = "text/plain" if kind is str else "application/json"
        content = {content_type: {"schema": schemas[path.name, status]}}
        said["responses"][str(status)] = {"description": words, "content": content}
    if path.takes is not None:
        content = {"application/json": {"schema": schemas[path.name, "takes"]}}
        said["requestBody"] = {"required": True, "content": content}
    if has_token and path.needs_token:
        said["security"] = [{"token": []}]
    return said
