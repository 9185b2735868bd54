"""Health from signs of life: what each that is missing says, and what is no reason to restart."""

import time

import pytest

from worker.observe.health import Health, Heartbeat


def heartbeat(**fields: float) -> Heartbeat:
    now = {"loaded_at": 1, "joined_at": 1000, "heard_at": 1000, "advanced_at": 1000, "due_at": 1030}
    return Heartbeat(**(now | fields))


def health(*loops: Heartbeat, draining: bool = False) -> Health:
    return Health(loops, lambda: draining, clock=lambda: 1010)


def test_a_loop_that_gets_on_is_live_and_ready() -> None:
    assert health(heartbeat()).not_live() == health(heartbeat()).not_ready() == []


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"loaded_at": 0}, "model: not loaded yet"),
        ({"heard_at": 975}, "brokers: no answer for 35 s"),
        ({"joined_at": 0}, "group: not a member yet"),
        ({"joined_at": 970}, "group: not a member for 40 s"),
        ({"registry_away_at": 975}, "schema registry: texts wait for it for 35 s"),
        ({"advanced_at": 940}, "offsets: there is lag, and none was committed for 70 s"),
    ],
)
def test_what_is_missing_makes_it_unready_but_is_no_reason_to_restart(fields: dict[str, float], missing: str) -> None:
    assert health(heartbeat(**fields)).not_ready() == [missing]
    assert health(heartbeat(**fields)).not_live() == []


def test_a_loop_without_a_sign_of_life_is_neither_live_nor_ready() -> None:
    stuck = health(heartbeat(due_at=1005))
    assert stuck.not_live() == stuck.not_ready()
    assert "overdue for 5 s" in stuck.not_live()[0]


def test_before_its_first_sign_of_life_a_loop_is_live() -> None:
    assert health(Heartbeat()).not_live() == []


def test_who_drains_is_not_ready_and_live() -> None:
    assert health(heartbeat(), draining=True).not_ready() == ["draining: it finishes its window and leaves"]
    assert health(heartbeat(), draining=True).not_live() == []


def test_of_several_processes_each_that_lacks_something_is_named() -> None:
    assert health(heartbeat(), heartbeat(loaded_at=0)).not_ready() == ["process 1: model: not loaded yet"]


def test_the_next_sign_of_life_is_due_when_it_was_promised() -> None:
    loop = heartbeat()
    loop.expect(3600)
    assert Health([loop], lambda: False).not_live() == []
    loop.expect(-1)
    assert Health([loop], lambda: False).not_live()
    loop.clear()
    assert loop.due_at == 0 < time.monotonic()
