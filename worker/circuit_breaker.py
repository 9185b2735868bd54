"""Stops a worker that would turn a whole stream into dead letters."""

from collections import deque
from collections.abc import Sequence

from worker.errors import UserError
from worker.flow import Outcome

_RECORDS = 1_000


class CircuitBreaker:
    """Watches the share of dead letters among the last records."""

    def __init__(self, dead_letter_topic: str, max_percent: int) -> None:
        """Watch.

        Args:
            dead_letter_topic: Where outcomes go that are no labels.
            max_percent: The largest share among at least 1,000 records that is still taken for bad data; 100: any.
        """
        self._topic = dead_letter_topic
        self._max_percent = max_percent
        self._windows: deque[tuple[int, int]] = deque()

    def __call__(self, outcomes: Sequence[Outcome]) -> None:
        """Count a window that was delivered.

        Raises:
            UserError: The share is too large.
        """
        if not outcomes:
            return
        self._windows.append((len(outcomes), sum(outcome.topic == self._topic for outcome in outcomes)))
        while self._records() - self._windows[0][0] >= _RECORDS:
            self._windows.popleft()
        records, rejected = self._records(), sum(rejected for _, rejected in self._windows)
        if records >= _RECORDS and rejected * 100 > records * self._max_percent:
            raise UserError(
                f"{rejected} of the last {records} records became dead letters, more than "
                f"EMOTION_MAX_REJECTED_PERCENT={self._max_percent}: look at their dead-letter-reason; then mend the "
                "producer, or EMOTION_INPUT_FORMAT and EMOTION_TEXT_FIELD, or set 100 to go on all the same"
            )

    def _records(self) -> int:
        return sum(records for records, _ in self._windows)
