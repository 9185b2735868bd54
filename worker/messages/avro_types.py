"""A writer's Avro schema, made ready to read a message by: settled aliases, and values that JSON has too."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastavro.const import AVRO_TYPES
from fastavro.read import LOGICAL_READERS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_OURS = "emotion-"  # before the name of a logical type that we read in our own way
_EXACT_DIGITS = 15  # of a decimal number that a float holds

Schema = Any  # a name, a union or a type, as fastavro's parse_schema gives it


class WriterTypes:
    """The types of one writer's schema, rewritten.

    Logical types are read as what stands for them in JSON (`2026-01-31T12:00:00.000Z`), or, unless `is_shown`, not at
    all: an odd date beside the text must not cost the label.
    """

    def __init__(self, named: Mapping[str, Schema], is_shown: bool) -> None:
        """Prepare; `named` are the types of other subjects that the schema may name."""
        self._named = named
        self._is_shown = is_shown
        self._written: set[str] = set()
        self._open: set[str] = set()
        self.is_recursive = False
        """Whether a type holds itself: how deep its values are, the value alone says."""

    def rewrite(self, schema: Schema) -> Schema:
        """The schema with each type written out where it is met first.

        Raises:
            ValueError: Values of it could be endless.
        """
        if isinstance(schema, str):
            self.is_recursive |= schema in self._open
            return self.rewrite(self._named[schema]) if schema in self._named.keys() - self._written else schema
        if isinstance(schema, list):
            return [self.rewrite(option) for option in schema]
        kind = schema["type"]
        if kind == "array":
            if _takes_no_bytes(items := self.rewrite(schema["items"])):
                raise ValueError("an array has elements that take no bytes")
            return {"type": kind, "items": items}
        if kind == "map":
            return {"type": kind, "values": self.rewrite(schema["values"])}
        if kind in ("record", "error"):
            return self._record(schema)
        self._written.add(schema.get("name", ""))
        kept = {name: schema[name] for name in ("type", "name", "size", "symbols", "default") if name in schema}
        return kept | self._logical(schema)

    def _record(self, schema: Schema) -> Schema:
        name = schema["name"]
        self._written.add(name)
        self._open.add(name)
        fields = [
            {"name": field["name"], "type": self.rewrite(field["type"]), "aliases": field.get("aliases", [])}
            for field in schema["fields"]
        ]
        self._open.discard(name)
        return {"type": "record", "name": name, "fields": fields}

    def _logical(self, schema: Schema) -> Schema:
        logical = _OURS + str(schema.get("logicalType"))
        is_known = f"{schema['type']}-{logical}" in LOGICAL_READERS
        if not self._is_shown or not is_known or (logical.endswith("decimal") and "precision" not in schema):
            return {}
        return {"logicalType": logical} | {name: schema[name] for name in ("precision", "scale") if name in schema}


Path = tuple[str, ...]


def with_aliases(schema: Schema, paths: Collection[Path]) -> Schema:
    """The reader's schema, in which a field that a path leads to by an alias has that for its name."""
    if isinstance(schema, list):
        return [with_aliases(option, paths) for option in schema]
    if not isinstance(schema, dict):
        return schema
    if schema["type"] != "record":  # of an array or a map; a condition passes over the number of an element
        inner = {*paths, *_behind(paths)}
        return schema | {name: with_aliases(schema[name], inner) for name in ("items", "values") if name in schema}
    wanted, own = {path[0] for path in paths if path}, {field["name"] for field in schema["fields"]}
    fields = []
    for field in schema["fields"]:
        alias = next((alias for alias in field["aliases"] if alias in wanted - own), None)
        is_renamed = alias is not None and field["name"] not in wanted
        name, aliases = (alias, [field["name"]]) if is_renamed else (field["name"], [])
        kind = with_aliases(field["type"], _behind(path for path in paths if path and path[0] == name))
        fields.append({"name": name, "type": kind, "aliases": aliases})
    return schema | {"fields": fields}


def _behind(paths: Iterable[Path]) -> set[Path]:
    return {path[1:] for path in paths if path}


def has_field(schema: Schema, names: Sequence[str]) -> bool:
    """Whether a path may lead to something: what a type by its name, a map or a text holds, its values alone say."""
    if not names or isinstance(schema, str):
        return not names or schema not in AVRO_TYPES or schema == "string"
    if isinstance(schema, list):
        return any(has_field(option, names) for option in schema)
    if schema["type"] == "record":
        fields = [field for field in schema["fields"] if names[0] in (field["name"], *field["aliases"])]
        return any(has_field(field["type"], names[1:]) for field in fields)
    if schema["type"] in ("array", "map"):
        return has_field(schema["items" if schema["type"] == "array" else "values"], names[1:])
    return has_field(schema["type"], names)


def _takes_no_bytes(schema: Schema) -> bool:
    """So that a few bytes may stand for any number of them."""
    if not isinstance(schema, dict):
        return bool(schema == "null")
    return (
        schema["type"] == "null"
        or (schema["type"] == "fixed" and not schema["size"])
        or (schema["type"] == "record" and all(_takes_no_bytes(field["type"]) for field in schema["fields"]))
    )


def _timestamp(data: int, per_second: int, zone: str) -> str | int:
    """ISO 8601; the number itself where it is beyond what that can say."""
    seconds, fraction = divmod(data, per_second)
    try:
        whole = (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return data
    return f"{whole}.{fraction:0{len(str(per_second)) - 1}d}{zone}"


def _date(data: int) -> str | int:
    whole = _timestamp(data * 86_400, 1, "")
    return whole[: -len("T00:00:00.0")] if isinstance(whole, str) else data


def _time(data: int, per_second: int) -> str | int:
    whole = _timestamp(data, per_second, "")
    return whole.partition("T")[2] if isinstance(whole, str) else data


def _decimal(data: bytes, schema: Schema) -> float | str:
    unscaled = int.from_bytes(data, signed=True)
    number = Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -schema.get("scale", 0)))
    return float(number) if schema["precision"] <= _EXACT_DIGITS else f"{number:f}"


def _register() -> None:
    """Under names of our own: other users of fastavro in this process keep theirs."""
    for unit, per_second in {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}.items():
        for name, zone in (("timestamp", "Z"), ("local-timestamp", "")):
            LOGICAL_READERS[f"long-{_OURS}{name}-{unit}"] = lambda data, *_, per_second=per_second, zone=zone: (
                _timestamp(data, per_second, zone)
            )
    LOGICAL_READERS[f"int-{_OURS}time-millis"] = lambda data, *_: _time(data, 1_000)
    LOGICAL_READERS[f"long-{_OURS}time-micros"] = lambda data, *_: _time(data, 1_000_000)
    LOGICAL_READERS[f"int-{_OURS}date"] = lambda data, *_: _date(data)
    LOGICAL_READERS[f"bytes-{_OURS}decimal"] = LOGICAL_READERS[f"fixed-{_OURS}decimal"] = lambda data, schema, *_: (
        _decimal(data, schema)
    )
    LOGICAL_READERS[f"fixed-{_OURS}uuid"] = lambda data, *_: str(UUID(bytes=data))


_register()
