"""A schema in the registry, with those of other subjects that it refers to."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from worker.messages.registry_client import Answer

AVRO = "AVRO"

Ask = Callable[[str], Answer]
"""What the registry says to a path of its API; raises UserError where it says nothing."""

_ALWAYS_THERE = "/schemas/types"


@dataclass(frozen=True)
class StoredSchema:
    """A schema as the registry has it, and those that it refers to, each behind those that it refers to itself."""

    kind: str
    text: str
    named: tuple[str, ...] = ()


class SchemaNotFoundError(Exception):
    """The registry says that there is no such schema."""


def find_schema(ask: Ask, path: str) -> StoredSchema:
    """What the registry has under a path.

    Raises:
        SchemaNotFoundError: Nothing.
        UserError: It does not say.
    """
    stored = _get(ask, path)
    named: dict[tuple[str, int], str] = {}
    _follow(ask, stored, named)
    kind = str(stored.get("schemaType") or AVRO)  # which registries leave out
    return StoredSchema(kind, str(stored.field("schema")), tuple(named.values()))


def latest_version(subject: str) -> str:
    """The path of a subject's latest schema."""
    return f"/subjects/{quote(subject, safe='')}/versions/latest"


def _follow(ask: Ask, stored: Answer, named: dict[tuple[str, int], str]) -> None:
    for reference in stored.get("references") or ():
        subject, version = str(reference["subject"]), int(reference["version"])
        if (subject, version) not in named:
            inner = _get(ask, f"/subjects/{quote(subject, safe='')}/versions/{version}?deleted=true")
            _follow(ask, inner, named)
            named[subject, version] = str(inner.field("schema"))


def _get(ask: Ask, path: str) -> Answer:
    answer = ask(path)
    # Of a path that it does not know, such as that of GUIDs, a registry says so without words of its own.
    if answer.status == HTTPStatus.NOT_FOUND and (answer.is_not_found or ask(_ALWAYS_THERE).status == HTTPStatus.OK):
        raise SchemaNotFoundError
    answer.field("schema")
    return answer
