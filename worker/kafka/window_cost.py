"""What a window costs: a fixed part, and a part for each record."""

from collections import deque
from statistics import median

_REMEMBERED = 5  # windows of each kind: a single one that a neighbour slowed down tells nothing

_Taken = tuple[int, float]  # records, seconds


class WindowCost:
    """The straight line through the typical large and the typical small window of the last ones.

    A small one nearly is the fixed part, so that a few of them tell it, also where windows vary from one to the next.
    """

    def __init__(self) -> None:
        self._large: deque[_Taken] = deque(maxlen=_REMEMBERED)
        self._small: deque[_Taken] = deque(maxlen=_REMEMBERED)

    def add(self, records: int, seconds: float, is_small: bool) -> None:
        """A window of so many records took so long."""
        (self._small if is_small else self._large).append((records, seconds))

    @property
    def lacks_small(self) -> bool:
        """Whether there are large windows alone."""
        return bool(self._large) and not self._small

    @property
    def most_records(self) -> int:
        """Of any window that is remembered; 0 without one."""
        return max((records for records, _ in (*self._large, *self._small)), default=0)

    def parts(self) -> tuple[float, float] | None:
        """Fixed seconds and seconds a record; None until there were large windows and small ones."""
        if not (self._large and self._small):
            return None
        records, seconds = _typical(self._large)
        few, few_seconds = _typical(self._small)
        record_seconds = max(0.0, (seconds - few_seconds) / (records - few)) if records > few else seconds / records
        record_seconds = min(record_seconds, seconds / records)
        return seconds - record_seconds * records, record_seconds

    def ratio(self, records: int, seconds: float) -> float:
        """How many times as long as expected a window took; 1 as long as nothing is known."""
        if (parts := self.parts()) is None:
            return 1.0
        fixed, record_seconds = parts
        return seconds / max(fixed + record_seconds * records, 1e-9)


def _typical(windows: deque[_Taken]) -> tuple[float, float]:
    return median(records for records, _ in windows), median(seconds for _, seconds in windows)
