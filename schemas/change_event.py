"""Deletes among the change events of Debezium."""

from typing import Any

from schemas.field_path import opened, step
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
            row = found if found.__class__ is dict else opened(found)
            if row.__class__ is not dict:
                found = step(row, name, None)
                continue
            if MARK in row and row[MARK] in ("true", True):
                return True
            found = row.get(name)
            if found is None:
                if name == _AFTER and _AFTER in path.names[:-1] and row.get("op") == "d":
                    return True
                break
    return False
