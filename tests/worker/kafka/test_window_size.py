"""Windows that grow to the time they should take."""

from worker.kafka.window_size import WindowSizer


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def work(sizer: WindowSizer, clock: Clock, seconds_a_record: float, waiting: int = 10**9) -> int:
    """One window at that cost, with so many records waiting; gives its size."""
    size = min(sizer.next_size(), waiting)
    sizer.start(size)
    clock.now += size * seconds_a_record
    return size


def test_under_backlog_a_window_comes_to_take_its_time() -> None:
    for seconds_a_record in (0.1, 0.004, 0.0005):
        clock = Clock()
        sizer = WindowSizer(1.0, 100_000, clock)
        sizes = [work(sizer, clock, seconds_a_record) for _ in range(20)]
        assert sizes[0] == 64
        assert abs(sizes[-1] * seconds_a_record - 1.0) <= 0.1


def test_a_window_never_holds_more_than_its_limit() -> None:
    clock = Clock()
    sizer = WindowSizer(1.0, 500, clock)
    assert max(work(sizer, clock, 1e-6) for _ in range(20)) == 500


def test_a_slow_window_makes_the_next_one_smaller_at_once() -> None:
    clock = Clock()
    sizer = WindowSizer(1.0, 100_000, clock)
    for _ in range(10):
        work(sizer, clock, 0.001)
    slow = work(sizer, clock, 0.05)
    assert work(sizer, clock, 0.05) <= slow / 40


def test_a_light_load_does_not_make_windows_smaller() -> None:
    clock = Clock()
    sizer = WindowSizer(1.0, 100_000, clock)
    for _ in range(10):
        work(sizer, clock, 0.001)
    before = sizer.next_size()
    for _ in range(10):
        work(sizer, clock, 0.02, waiting=1)
    assert sizer.next_size() == before
