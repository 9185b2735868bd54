"""The Avro schema of a contract, made from its JSON Schema."""

from typing import Any

from pydantic import TypeAdapter

_NAMESPACE = "emotion"
_PRIMITIVES = {"string": "string", "integer": "long", "number": "double", "boolean": "boolean"}
_ANY = ["null", "string"]  # Avro has no type for any JSON value
_ANY_DOC = " A text is itself, null is null, and anything else is its JSON."


def avro_schema(contract: Any) -> dict[str, Any]:
    """The schema of a dataclass, as Avro 1.8 and later have it.

    A field that may be missing from the JSON has its default, so that a reader of this schema reads what was written
    before the field was there. Limits of numbers and texts are left out: Avro knows none.
    """
    return _Translation(TypeAdapter(contract).json_schema()).schema


class _Translation:
    """Of one contract: a named type is written out where it is met first, and named from then on."""

    def __init__(self, contract: dict[str, Any]) -> None:
        self._definitions: dict[str, dict[str, Any]] = contract.get("$defs", {})
        self._named: set[str] = set()
        self.schema = {"namespace": _NAMESPACE, **self._record(contract["title"], contract)}

    def _record(self, name: str, contract: dict[str, Any]) -> dict[str, Any]:
        self._named.add(name)
        fields = [
            self._field(field, content, field in contract["required"])
            for field, content in contract["properties"].items()
        ]
        return {"type": "record", "name": name, "doc": contract["description"], "fields": fields}

    def _field(self, name: str, content: dict[str, Any], is_required: bool) -> dict[str, Any]:
        field = {"name": name, "type": self._type(content)}
        if "description" in content:
            field["doc"] = content["description"] + _ANY_DOC * (field["type"] == {"type": "map", "values": _ANY})
        if not is_required:
            field["default"] = content.get("default", {})  # of a factory, which a map alone has
        return field

    def _type(self, content: dict[str, Any]) -> Any:
        if "$ref" in content:
            return self._reference(content["$ref"].removeprefix("#/$defs/"))
        if "anyOf" in content:
            options = [self._type(option) for option in content["anyOf"] if option != {"type": "null"}]
            return ["null", *options]
        if content.get("type") == "array":
            return {"type": "array", "items": self._type(content["items"])}
        if content.get("type") == "object":
            return {"type": "map", "values": self._type(content["additionalProperties"])}
        return _PRIMITIVES[content["type"]]

    def _reference(self, name: str) -> Any:
        if "type" not in self._definitions[name]:
            return _ANY
        return name if name in self._named else self._record(name, self._definitions[name])
