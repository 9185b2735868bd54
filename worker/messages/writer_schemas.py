"""The schemas by which others wrote their values: asked for once, in the registry that has them."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Generic, TypeVar

from schemas.dead_letter import Reason
from schemas.errors import InvalidMessageError
from schemas.wire_format import schema_place, schema_words
from worker.errors import RegistryAwayError, UserError
from worker.messages.registry_client import Answer, RegistryClient
from worker.messages.stored_schema import SchemaNotFoundError, StoredSchema, find_schema

_log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 10.0  # with all requests of a window: the loop must show signs of life
_SPREAD_SECONDS = 5.0  # what was registered a moment ago has come to all nodes of a registry by then
_FORGET_SECONDS = 60.0  # what was unknown for certain is asked for again
_MOST_ABSENT = 10_000

T = TypeVar("T")


class UnusableSchemaError(ValueError):
    """The registry has it, and nothing can be read by it; the message says why."""


@dataclass(frozen=True)
class _Absence:
    """Since when the registry does not know a schema, and when it said so for certain."""

    since: float
    confirmed_at: float | None


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
        self._answers: dict[str, Answer] = {}  # of a schema and those that it refers to, until it has all
        self._deadline = 0.0

    def __contains__(self, key: bytes) -> bool:
        return key in self._found

    def ask(self, keys: Iterable[bytes]) -> None:
        """Find out about those that are not known yet.

        Raises:
            RegistryAwayError: The registry does not say, or has to be asked once more, a little later.
        """
        self._deadline = self._clock() + _PATIENCE_SECONDS
        waiting = [key for key in keys if key not in self._found and not self._is_settled(key)]
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

    def _is_settled(self, key: bytes) -> bool:
        """Whether it is known by now that the schema is there, or that it is not."""
        now, absence = self._clock(), self._absent.get(key)
        if absence is not None:
            if absence.confirmed_at is not None and now - absence.confirmed_at < _FORGET_SECONDS:
                return True
            if absence.confirmed_at is None and now - absence.since < self._spread_seconds:
                return False
        try:
            self._found[key] = self._fetch(key)
        except SchemaNotFoundError:
            if len(self._absent) >= _MOST_ABSENT:
                self._absent.clear()
            is_certain = absence is not None or not self._spread_seconds
            self._absent[key] = _Absence(now, now if is_certain else None)
            return is_certain
        self._absent.pop(key, None)
        self._answers.clear()
        _log.info("writer_schema_found", extra={"schema": schema_words(key)})
        return True

    def _fetch(self, key: bytes) -> T | UnusableSchemaError:
        try:
            return self._make(find_schema(self._ask, schema_place(key)))
        except UnusableSchemaError as error:
            return error
        except UserError as error:
            raise RegistryAwayError(str(error)) from error

    def _ask(self, path: str) -> Answer:
        if path in self._answers:
            return self._answers[path]
        if self._clock() > self._deadline:
            raise RegistryAwayError("the schema registry takes its time; what is left is asked for in a moment")
        answer = self._registry.get(path)
        if answer.status == HTTPStatus.OK:
            self._answers[path] = answer
        return answer
