"""Deletes among the change events of Debezium."""

from typing import Any

from schemas.field_path import step
from schemas.fields import Fields

MARK = "__deleted"
"""Field of a row that ExtractNewRecordState adds; a row that it says `true` of holds what it held before."""

_AFTER = "after"


def is_deleted(message: dict[str, Any], fields: Fields) -> bool:
    """Whether the row that a path leads through to the text was deleted.

    Rows are marked, or lie in an envelope, `{"op": "d", "after": null, …}`, whose `after` the path leads through.
    """
    for path in fields.text:
        found: Any = message
        for name in path.names:
            if found.__class__ is not dict:
                found = step(found, name, None)
                continue
            if MARK in found and found[MARK] in ("true", True):
                return True
            inner = found.get(name)
            if inner is None:
                if name == _AFTER and _AFTER in path.names[:-1] and found.get("op") == "d":
                    return True
                break
            found = inner
    return False
