"""How large the next window may be, learnt from how long the last ones took."""

from collections.abc import Callable

from worker.kafka.window_cost import WindowCost

FIRST_RECORDS = 64
_MAX_GROWTH = 2  # a window of unusually short texts must not make the next one far too large
_OVER_TARGET = 1.08  # where the fixed part is below a tenth of the target, nine tenths are left for records
_OVER_FIXED = 3.3  # the fixed part is to take a third at most
_TRIAL_PART = 16  # of a full window: a small one, which tells what is fixed
_TRIAL_EVERY = 10  # windows
_FAR_SLOWER = 2  # than expected: a neighbour, or another cost from now on
_FAR_FASTER = 1.5  # no neighbour does that


class WindowSizer:
    """Lets windows grow from a small first one until each takes about as long as it should.

    That is the target, or as much longer as makes what every window costs a third of it: to make windows smaller than
    that gains no time and loses nearly all throughput.
    """

    def __init__(
        self,
        target_seconds: float,
        longest_seconds: float,
        max_records: int,
        clock: Callable[[], float],
        first_records: int = FIRST_RECORDS,
    ) -> None:
        """Start small.

        Args:
            target_seconds: How long a window should take.
            longest_seconds: How long it may take where the fixed part of its cost is high.
            max_records: More than this it never holds.
            clock: Seconds, monotonic.
            first_records: Of the first window.
        """
        self._target_seconds = target_seconds
        self._longest_seconds = longest_seconds
        self._max_records = max_records
        self._clock = clock
        self._size = min(first_records, max_records)
        self._full_size = self._at_least_two(self._size)  # of a window that is no trial
        self._cost = WindowCost()
        self._doubted: tuple[WindowCost, int] | None = None  # the cost and size before a window that was far too slow
        self._since_trial = self._since_slow = 0  # windows
        self._asked_at = 0.0
        self._started: tuple[int, float, bool] | None = None

    def next_size(self) -> int:
        """How many records the window that is gathered now may hold; the last one is done."""
        self._asked_at = now = self._clock()
        if self._started is not None:
            records, since, is_cut = self._started
            self._started = None
            self._learn(records, max(now - since, 1e-9), is_cut)
        return self._size

    def start(self, records: int, is_behind: bool, is_cut: bool) -> None:
        """A window of so many records begins to be worked on.

        Args:
            records: How many.
            is_behind: Whether brokers had them when they were asked: what it took to get them is part of the cost.
            is_cut: Whether there are no more of them because they are so large.
        """
        since = self._asked_at if is_behind else self._clock()
        self._started = (records, since, is_cut) if records else None

    def undelivered(self) -> None:
        """The last window failed: how long that took tells nothing, but a smaller one may not fail."""
        if self._started is not None:
            self._size = max(1, min(self._started[0], self._size) // 2)
            self._started = None

    def _learn(self, records: int, seconds: float, is_cut: bool) -> None:
        is_light = records * 2 < self._size and not is_cut
        if is_light and seconds < self._target_seconds:
            self._size = self._full_size  # what such a window takes is no measure of a full one
            return
        self._compare(records, seconds)
        self._cost.add(records, seconds, is_small=records * 2 <= self._full_size)
        tried = self._cost.most_records * _MAX_GROWTH
        self._full_size = self._at_least_two(int(min(self._fitting(records, seconds), max(self._full_size, tried))))
        self._size = self._full_size
        self._since_trial += 1
        if not is_light and (self._since_trial >= _TRIAL_EVERY or self._cost.lacks_small):
            self._since_trial = 0
            on_target = int(records * self._target_seconds / seconds)
            self._size = max(1, min(self._full_size // _TRIAL_PART, on_target))

    def _compare(self, records: int, seconds: float) -> None:
        """With what was expected. One slow window may be a neighbour's fault: smaller ones tell."""
        ratio = self._cost.ratio(records, seconds)
        self._since_slow += 1
        if self._doubted and self._cost.parts():
            self._settle_doubt(*self._doubted, records, seconds)
        elif ratio > _FAR_SLOWER:
            self._doubted = (self._cost, self._full_size) if self._since_slow > _TRIAL_EVERY else None
            self._since_slow = 0
            self._start_anew(records)
        elif ratio < 1 / _FAR_FASTER:
            self._start_anew(records)

    def _start_anew(self, records: int) -> None:
        """What is known of the cost does not hold any more, but for a window of so many records."""
        self._cost = WindowCost()
        self._full_size = min(self._full_size, records * _MAX_GROWTH)

    def _settle_doubt(self, former: WindowCost, full_size: int, records: int, seconds: float) -> None:
        """Go back to what was before, if this window is nearer to it than to what has been seen since."""
        self._doubted = None
        if former.ratio(records, seconds) * self._cost.ratio(records, seconds) < 1:
            self._cost, self._full_size = former, full_size

    def _fitting(self, records: int, seconds: float) -> float:
        """How many records a window may hold by what is known of its cost; the last one took this long."""
        if (parts := self._cost.parts()) is None:
            return max(self._full_size, records * self._target_seconds / seconds)
        fixed, record_seconds = parts
        aim = _OVER_TARGET * self._target_seconds
        window_seconds = max(aim, min(_OVER_FIXED * fixed, self._longest_seconds))
        return max(window_seconds - fixed, fixed / 2) / max(record_seconds, 1e-9)

    def _at_least_two(self, records: int) -> int:
        return min(max(2, records), self._max_records)  # a single one cannot be told from a smaller one
