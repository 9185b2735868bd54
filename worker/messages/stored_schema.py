"""A schema in the registry, with those of other subjects that it refers to."""

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from worker.messages.registry_client import Answer, RegistryClient

AVRO = "AVRO"

_TIMEOUT_SECONDS = 5.0
_ALWAYS_THERE = "/schemas/types"


@dataclass(frozen=True)
class StoredSchema:
    """A schema as the registry has it, and those that it refers to, each behind those that it refers to itself."""

    kind: str
    text: str
    named: tuple[str, ...] = ()


class SchemaNotFoundError(Exception):
    """The registry says that there is no such schema."""


def find_schema(registry: RegistryClient, path: str) -> StoredSchema:
    """What the registry has under a path of its API; each request is made once, and takes seconds at most.

    Raises:
        SchemaNotFoundError: Nothing.
        UserError: It does not say.
    """
    stored = _get(registry, path)
    named: dict[tuple[str, int], str] = {}
    _follow(registry, stored, named)
    kind = str(stored.get("schemaType") or AVRO)  # which registries leave out
    return StoredSchema(kind, str(stored.field("schema")), tuple(named.values()))


def latest_version(subject: str) -> str:
    """The path of a subject's latest schema."""
    return f"/subjects/{quote(subject, safe='')}/versions/latest"


def _follow(registry: RegistryClient, stored: Answer, named: dict[tuple[str, int], str]) -> None:
    for reference in stored.get("references") or ():
        subject, version = str(reference["subject"]), int(reference["version"])
        if (subject, version) not in named:
            inner = _get(registry, f"/subjects/{quote(subject, safe='')}/versions/{version}?deleted=true")
            _follow(registry, inner, named)
            named[subject, version] = str(inner.field("schema"))


def _get(registry: RegistryClient, path: str) -> Answer:
    answer = registry.get(path, _TIMEOUT_SECONDS)
    # Of a path that it does not know, such as that of GUIDs, a registry says so without words of its own.
    if answer.status == HTTPStatus.NOT_FOUND and (answer.is_not_found or _has_api(registry)):
        raise SchemaNotFoundError
    answer.field("schema")
    return answer


def _has_api(registry: RegistryClient) -> bool:
    return registry.get(_ALWAYS_THERE, _TIMEOUT_SECONDS).status == HTTPStatus.OK
