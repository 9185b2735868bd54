"""How large the next window may be, learnt from how long the last ones took."""

from collections.abc import Callable

FIRST_RECORDS = 64
_MAX_GROWTH = 2  # a window of unusually short texts must not make the next one far too large


class WindowSizer:
    """Lets windows grow from a small first one until each takes about as long as it should."""

    def __init__(
        self,
        target_seconds: float,
        max_records: int,
        clock: Callable[[], float],
        first_records: int = FIRST_RECORDS,
    ) -> None:
        """Start small.

        Args:
            target_seconds: How long a window should take from when it is handed over to when the next is asked for.
            max_records: More than this it never holds.
            clock: Seconds, monotonic.
            first_records: Of the first window.
        """
        self._target_seconds = target_seconds
        self._ceiling = max_records
        self._clock = clock
        self._size = min(first_records, max_records)
        self._handed_over: tuple[int, float] | None = None

    def next_size(self) -> int:
        """How many records the window that is gathered now may hold; the last one is done."""
        if self._handed_over is not None:
            records, since = self._handed_over
            self._learn(records, self._clock() - since)
            self._handed_over = None
        return self._size

    def start(self, records: int) -> None:
        """A window of so many records begins to be worked on."""
        self._handed_over = (records, self._clock()) if records else None

    def _learn(self, records: int, seconds: float) -> None:
        if records * 2 < self._size and seconds < self._target_seconds:
            return  # a light load: what such a window takes is no measure of a full one
        fitting = int(records * self._target_seconds / max(seconds, 1e-6))
        self._size = max(1, min(fitting, self._size * _MAX_GROWTH, self._ceiling))
