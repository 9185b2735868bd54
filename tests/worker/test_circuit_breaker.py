"""A stream of nothing but dead letters stops the worker."""

import pytest

from worker.circuit_breaker import CircuitBreaker
from worker.errors import UserError
from worker.flow import Outcome


def outcomes(labels: int, dead_letters: int) -> list[Outcome]:
    topics = ["out"] * labels + ["dead"] * dead_letters
    return [Outcome(index, topic, 0, None, b"", [], None) for index, topic in enumerate(topics)]


def test_too_many_dead_letters_stop_the_worker_and_name_the_mend() -> None:
    circuit_breaker = CircuitBreaker("dead", 95)
    circuit_breaker(outcomes(0, 999))
    with pytest.raises(UserError, match=r"1000 of the last 1000 records .* EMOTION_INPUT_FORMAT"):
        circuit_breaker(outcomes(0, 1))


def test_a_share_at_the_limit_is_taken_for_bad_data() -> None:
    circuit_breaker = CircuitBreaker("dead", 95)
    for _ in range(50):
        circuit_breaker(outcomes(5, 95))


def test_what_was_long_ago_does_not_count() -> None:
    circuit_breaker = CircuitBreaker("dead", 95)
    for _ in range(100):
        circuit_breaker(outcomes(1000, 0))
    circuit_breaker(outcomes(0, 600))
    with pytest.raises(UserError):
        circuit_breaker(outcomes(0, 600))


def test_windows_that_nothing_left_for_take_no_memory() -> None:
    circuit_breaker = CircuitBreaker("dead", 95)
    for _ in range(1_000):
        circuit_breaker([])
    assert not circuit_breaker._windows


def test_a_limit_of_100_percent_never_stops() -> None:
    circuit_breaker = CircuitBreaker("dead", 100)
    for _ in range(10):
        circuit_breaker(outcomes(0, 1000))
