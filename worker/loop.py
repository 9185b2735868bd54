"""The loop: texts in, labels out, one window after the other."""

import logging
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from worker.errors import NotDeliveredError, OutcomesRefusedError, RegistryAwayError
from worker.flow import (
    Answer,
    Batch,
    Decoded,
    Outcome,
    Prediction,
    Record,
    Rejected,
    Request,
    Reviews,
    Skipped,
    TokenizedText,
    Window,
    in_order,
)

_log = logging.getLogger(__name__)

_STUCK_ATTEMPTS = 5  # restarts of brokers and rebalances need fewer


class Source(Protocol):
    """Where windows come from."""

    def poll(self) -> Window:
        """The next window; asking for it says that the last one was delivered."""

    def rewind(self) -> None:
        """The last window was not delivered: start again at the committed offsets."""


class Sink(Protocol):
    """Where outcomes go."""

    def settle(self) -> None:
        """End what a failed delivery may have left open, or raise NotDeliveredError."""

    def deliver(self, window: Window, outcomes: list[Outcome]) -> None:
        """Send the outcomes and commit the window, or raise NotDeliveredError."""


Review = Callable[[list[Record], Sequence[Answer], list[Outcome]], Reviews]
"""Takes the records of a window, what answers them and its outcomes; gives what leaves beside these."""


Order = Callable[[Iterable[Outcome], int, Container[int]], list[Outcome]]
"""Puts outcomes in the order of so many records, and knows which records need none."""


AnswerWindow = Callable[[Window], tuple[list[Outcome], Callable[[], object]]]
"""Gives what leaves for a window, and what to call once that is delivered; or raises RegistryAwayError: not now."""


def no_reviews(_records: list[Record], _answers: Sequence[Answer], _outcomes: list[Outcome]) -> Reviews:
    """Nothing leaves for people to review."""
    return Reviews()


@dataclass(frozen=True)
class Stages:
    """The stages, left to right."""

    source: Source
    decode: Callable[[list[Record]], Decoded]  # or raises RegistryAwayError: not now
    tokenize: Callable[[list[Request]], list[TokenizedText]]
    plan: Callable[[list[TokenizedText]], Iterable[Batch]]
    predict: Callable[[Iterable[Batch]], Iterable[Prediction | Rejected]]
    encode: Callable[[list[Record], Iterable[Answer]], list[Outcome]]
    circuit_breaker: Callable[[list[Outcome]], None]
    sink: Sink
    review: Review = no_reviews
    order: Order = in_order


def run(stages: Stages, stopping: Callable[[], bool], turn: Callable[[], None]) -> None:
    """Label windows until told to stop. Nothing is in flight when a turn starts, or when this returns.

    Args:
        stages: What each turn goes through.
        stopping: Whether to stop before the next window.
        turn: Called at the start of every turn: the loop is alive.
    """
    deliver_windows(stages.source, stages.sink, partial(_label, stages), stopping, turn)


def deliver_windows(
    source: Source, sink: Sink, answer: AnswerWindow, stopping: Callable[[], bool], turn: Callable[[], None]
) -> None:
    """The same of any windows: `answer` makes what leaves for one."""
    attempts = 0  # in a row that failed
    while not stopping():
        turn()
        attempts = _turn(source, sink, answer, attempts)


def _turn(source: Source, sink: Sink, answer: AnswerWindow, attempts: int) -> int:
    """One window, let go before the next one is polled: both may be large. Returns the attempts that failed."""
    try:
        sink.settle()  # before the committed offsets are read again: it may still change them
    except NotDeliveredError as error:
        _log.warning("broker_away", extra={"error": str(error)})
        return _failed(source, attempts + 1, error)
    window = source.poll()
    if not window:
        return attempts
    try:
        outcomes, delivered = answer(window)
    except RegistryAwayError as error:
        _log.warning("schema_registry_away", extra={"error": str(error)})
        return _failed(source, attempts + 1, error)
    try:
        sink.deliver(window, outcomes)
    except NotDeliveredError as error:
        _log.warning("window_not_delivered", extra={"records": len(window.records), "error": str(error)})
        return _failed(source, attempts + (not isinstance(error, OutcomesRefusedError)), error)
    delivered()
    return 0


def _label(stages: Stages, window: Window) -> tuple[list[Outcome], Callable[[], object]]:
    requests, others = stages.decode(window.records)
    predictions = stages.predict(stages.plan(stages.tokenize(requests)))
    skipped = {other.index for other in others if isinstance(other, Skipped)}
    answers = [*predictions, *(other for other in others if not isinstance(other, Skipped))]
    outcomes = stages.order(stages.encode(window.records, answers), len(window.records), skipped)
    reviews = stages.review(window.records, answers, outcomes)
    return outcomes + reviews.outcomes, partial(stages.circuit_breaker, outcomes)


def _failed(source: Source, attempts: int, error: NotDeliveredError) -> int:
    """Read the window again; say it if that happens again and again: nobody should have to count lines of the log."""
    if attempts >= _STUCK_ATTEMPTS:
        _log.error("window_stuck", extra={"attempts": attempts, "error": str(error)})
    source.rewind()
    return attempts
