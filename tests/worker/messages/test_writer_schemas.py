"""Schemas of writers: what the registry does not know is asked for twice, and what it does not say is waited for."""

from typing import cast

import orjson
import pytest

from schemas.errors import InvalidMessageError
from tests.harness.avro_texts import Schemas
from worker.errors import RegistryAwayError
from worker.messages.registry_client import Answer, RegistryClient
from worker.messages.stored_schema import StoredSchema
from worker.messages.writer_schemas import WriterSchemas

KEY, OTHER = b"\0\0\0\0\7", b"\0\0\0\0\x08"
PLACE = "/schemas/ids/7"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def known_to(registry: Schemas, clock: Clock) -> "WriterSchemas[str]":
    def text(stored: StoredSchema) -> str:
        return str(orjson.loads(stored.text))

    return WriterSchemas(cast(RegistryClient, registry), text, clock)


def test_an_unknown_schema_is_asked_for_again_some_seconds_later_and_then_given_up_for_a_minute(clock: Clock) -> None:
    registry = Schemas()
    schemas = known_to(registry, clock)
    for seconds in (0, 2):
        clock.now += seconds
        with pytest.raises(RegistryAwayError, match="does not know schema id 7: it is asked once more"):
            schemas.ask([KEY])
    assert registry.asked == [PLACE]
    clock.now += 4
    for _ in range(3):
        schemas.ask([KEY])
    assert registry.asked == [PLACE] * 2
    with pytest.raises(InvalidMessageError, match="unknown_schema: the schema registry does not know schema id 7"):
        schemas[KEY]
    clock.now += 61
    registry.schemas[PLACE] = "string"
    schemas.ask([KEY])
    assert schemas[KEY] == "string"


def test_a_schema_that_comes_a_moment_late_is_used(clock: Clock) -> None:
    registry = Schemas()
    schemas = known_to(registry, clock)
    with pytest.raises(RegistryAwayError):
        schemas.ask([KEY])
    registry.schemas[PLACE] = "string"
    clock.now += 6
    schemas.ask([KEY, OTHER.replace(b"\x08", b"\7")])
    assert schemas[KEY] == "string"


def test_all_unknown_schemas_of_a_window_are_waited_for_together(clock: Clock) -> None:
    registry = Schemas()
    schemas = known_to(registry, clock)
    for seconds in (0, 6):
        clock.now += seconds
        if seconds:
            schemas.ask([KEY, OTHER])
        else:
            with pytest.raises(RegistryAwayError, match="schema id 7, schema id 8"):
                schemas.ask([KEY, OTHER])
    assert len(registry.asked) == 4


def test_a_registry_that_takes_its_time_is_not_waited_for_longer_than_the_loop_may_be_silent(clock: Clock) -> None:
    class Slow(Schemas):
        def get(self, path: str) -> Answer:
            clock.now += 4
            return super().get(path)

    keys = [bytes([0, 0, 0, 0, number]) for number in range(9)]
    registry = Slow(**{f"/schemas/ids/{number}": "string" for number in range(9)})
    to_others = [{"name": f"T{number}", "subject": f"t{number}", "version": 1} for number in range(9)]
    registry.schemas["/schemas/ids/0"] = {"schema": '"string"', "references": to_others}
    registry.schemas |= {f"/subjects/t{number}/versions/1?deleted=true": "string" for number in range(9)}
    schemas = known_to(registry, clock)
    rounds = 0
    while True:
        rounds, started = rounds + 1, clock.now
        try:
            schemas.ask(keys)
            break
        except RegistryAwayError as error:
            assert "takes its time" in str(error)  # noqa: PT017
        finally:
            assert clock.now - started <= 15
    assert (rounds, len(registry.asked)) == (6, 18)
