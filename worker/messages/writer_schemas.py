"""The schemas by which others wrote their values: asked for once, in the registry that has them."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import quote

from schemas.dead_letter import Reason
from schemas.errors import InvalidMessageError
from schemas.wire_format import schema_place, schema_words
from worker.errors import RegistryAwayError, UserError
from worker.messages.registry_client import Answer, RegistryClient

_log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 5.0
_PATIENCE_SECONDS = 10.0  # with all requests of a window: the loop must show signs of life
_SPREAD_SECONDS = 5.0  # what was registered a moment ago has come to all nodes of a registry by then
_FORGET_SECONDS = 60.0  # what was unknown for certain is asked for again
_MOST_ABSENT = 10_000
_ALWAYS_THERE = "/schemas/types"

T = TypeVar("T")


@dataclass(frozen=True)
class StoredSchema:
    """A schema as the registry has it, and those of other subjects that it names, each behind what it names itself."""

    kind: str
    text: str
    named: tuple[str, ...]


class UnusableSchemaError(ValueError):
    """The registry has it, and nothing can be read by it; the message says why."""


class _NotFoundError(Exception):
    """The registry says that there is no such schema."""


@dataclass
class _Absence:
    """When the registry did not know a schema at first, and when it said so again."""

    since: float
    confirmed_at: float | None = None


class WriterSchemas(Generic[T]):
    """What was made of each schema, by what names it before a value."""

    def __init__(
        self,
        registry: RegistryClient,
        make: Callable[[StoredSchema], T],
        clock: Callable[[], float] = time.monotonic,
        spread_seconds: float = _SPREAD_SECONDS,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            registry: Where they are.
            make: Makes of a schema what its values are read by, or raises UnusableSchemaError.
            clock: Seconds.
            spread_seconds: After which time what the registry does not know is asked for again; 0: it is not.
        """
        self._registry = registry
        self._make = make
        self._clock = clock
        self._spread_seconds = spread_seconds
        self._found: dict[bytes, T | UnusableSchemaError] = {}
        self._absent: dict[bytes, _Absence] = {}

    def __contains__(self, key: bytes) -> bool:
        return key in self._found

    def ask(self, keys: Iterable[bytes]) -> None:
        """Find out about those that are not known yet; what the registry does not know is asked for twice.

        Raises:
            RegistryAwayError: It does not say, or has to be asked again a little later.
        """
        deadline = self._clock() + _PATIENCE_SECONDS
        waiting = [key for key in keys if key not in self._found and not self._is_settled(key, deadline)]
        if waiting:
            words = ", ".join(map(schema_words, waiting[:3]))
            raise RegistryAwayError(f"the schema registry does not know {words}: it is asked once more")

    def __getitem__(self, key: bytes) -> T:
        """What was made of a schema that was asked for.

        Raises:
            InvalidMessageError: It is not there, or nothing can be read by it.
        """
        found = self._found.get(key)
        if found is None:
            raise InvalidMessageError(Reason.UNKNOWN_SCHEMA, f"the schema registry does not know {schema_words(key)}")
        if isinstance(found, UnusableSchemaError):
            raise InvalidMessageError(Reason.UNKNOWN_SCHEMA, f"{schema_words(key)} {found}")
        return found

    def _is_settled(self, key: bytes, deadline: float) -> bool:
        """Whether it is known by now that the schema is there, or that it is not."""
        now, absence = self._clock(), self._absent.get(key)
        if absence is not None:
            if absence.confirmed_at is not None and now - absence.confirmed_at < _FORGET_SECONDS:
                return True
            if absence.confirmed_at is None and now - absence.since < self._spread_seconds:
                return False
        if now > deadline:
            raise RegistryAwayError("the schema registry takes its time; the other schemas are asked for in a moment")
        try:
            self._found[key] = self._fetch(key)
        except _NotFoundError:
            if len(self._absent) >= _MOST_ABSENT:
                self._absent.clear()
            is_certain = absence is not None or not self._spread_seconds
            self._absent[key] = _Absence(now, now if is_certain else None)
            return is_certain
        self._absent.pop(key, None)
        _log.info("writer_schema_found", extra={"schema": schema_words(key)})
        return True

    def _fetch(self, key: bytes) -> T | UnusableSchemaError:
        stored = self._get(schema_place(key))
        named: dict[tuple[str, int], str] = {}
        self._follow(stored, named)
        kind = str(stored.get("schemaType") or "AVRO")  # which registries leave out
        try:
            return self._make(StoredSchema(kind, str(stored.field("schema")), tuple(named.values())))
        except UnusableSchemaError as error:
            return error

    def _follow(self, stored: Answer, named: dict[tuple[str, int], str]) -> None:
        """Add the schemas that one refers to, each behind those that it refers to itself."""
        for reference in stored.get("references") or ():
            place = str(reference["subject"]), int(reference["version"])
            if place not in named:
                subject, version = place
                inner = self._get(f"/subjects/{quote(subject, safe='')}/versions/{version}?deleted=true")
                self._follow(inner, named)
                named[place] = str(inner.field("schema"))

    def _get(self, path: str) -> Answer:
        try:
            answer = self._registry.get(path, _TIMEOUT_SECONDS)
            if answer.status == HTTPStatus.NOT_FOUND and (answer.is_not_found or self._has_api()):
                raise _NotFoundError
            answer.field("schema")
        except UserError as error:
            raise RegistryAwayError(str(error)) from error
        return answer

    def _has_api(self) -> bool:
        """Whether the registry is where we ask: one that knows no GUIDs has no words for that."""
        return self._registry.get(_ALWAYS_THERE, _TIMEOUT_SECONDS).status == HTTPStatus.OK
