"""Windows that grow to the time they should take, whatever part of their cost is fixed."""

import itertools
import math
import random
from collections.abc import Callable
from typing import NamedTuple

import pytest

from worker.kafka.window_size import WindowSizer

TARGET_SECONDS = 1.0
LONGEST_SECONDS = 22.5
FIXED_SECONDS = (0.0, 0.01, 0.05, 0.09, 0.1, 0.3, 0.33, 0.5, 0.9, 1.1, 2.0, 5.0)
RECORD_SECONDS = (1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 5e-2)
FIRST_FEW = 30  # doubling, 64 becomes 10 million in less
FOREVER = 10**9

Cost = Callable[[int, int], float]  # number of the window, its records → seconds


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Window(NamedTuple):
    records: int
    seconds: float  # without noise


def linear(fixed: float, record: float) -> Cost:
    return lambda _, records: fixed + record * records


def simulate(
    cost: Cost,
    windows: int = 150,
    *,
    noise: Callable[[], float] = lambda: 1.0,
    waiting: Callable[[int], int] = lambda _: FOREVER,
    max_records: int = FOREVER,
    first_records: int = 64,
    cut_at: int = FOREVER,
) -> list[Window]:
    """Windows at that cost, each with so many records `waiting` and room for the bytes of `cut_at` records."""
    clock = Clock()
    sizer = WindowSizer(TARGET_SECONDS, LONGEST_SECONDS, max_records, clock, first_records)
    done: list[Window] = []
    for number in range(windows):
        records = min(sizer.next_size(), waiting(number), cut_at)
        sizer.start(records, is_behind=False, is_cut=records == cut_at)
        done.append(Window(records, cost(number, records)))
        clock.now += done[-1].seconds * noise()
    return done


def throughput(windows: list[Window]) -> float:
    return sum(window.records for window in windows) / sum(window.seconds for window in windows)


def allowed_seconds(fixed: float) -> float:
    return max(1.2 * TARGET_SECONDS, 3.5 * fixed)


def neighbours(seed: int, spread: float, slow_part: float) -> Callable[[], float]:
    """Noise as of a machine that is shared: some spread, and now and then a window that takes up to three times as
    long; none is ever that much faster."""
    chance = random.Random(seed)  # noqa: S311

    def noise() -> float:
        slow = chance.uniform(1, 3) if chance.random() < slow_part else 1.0
        return math.exp(chance.gauss(0, spread)) * slow

    return noise


plane = pytest.mark.parametrize(("fixed", "record"), list(itertools.product(FIXED_SECONDS, RECORD_SECONDS)))


@plane
def test_throughput_and_time_of_a_window_are_kept_wherever_the_cost_lies(fixed: float, record: float) -> None:
    windows = simulate(linear(fixed, record))[FIRST_FEW:]
    assert throughput(windows) * record >= (0.9 if fixed < 0.09 * TARGET_SECONDS else 0.65)
    assert max(window.seconds for window in windows) <= allowed_seconds(fixed)


@plane
def test_noise_and_slow_neighbours_cost_little(fixed: float, record: float) -> None:
    for seed in range(3):
        windows = simulate(linear(fixed, record), noise=neighbours(seed, 0.05, 0.05))[FIRST_FEW:]
        assert throughput(windows) * record >= (0.86 if fixed < 0.09 * TARGET_SECONDS else 0.6)
        seconds = sorted(window.seconds for window in windows)
        assert seconds[len(seconds) * 9 // 10] <= 1.1 * allowed_seconds(fixed)
        assert seconds[-1] <= 2 * allowed_seconds(fixed)


@pytest.mark.parametrize(("fixed", "rate"), [(0.1, 300), (0.5, 222), (0.9, 222), (1.1, 222), (2.0, 222)])
def test_at_three_milliseconds_a_record(fixed: float, rate: int) -> None:
    assert throughput(simulate(linear(fixed, 0.003))[FIRST_FEW:]) == pytest.approx(rate, rel=0.02)


STEPS = [
    ((fixed, record), (other_fixed, other_record))
    for fixed, other_fixed in itertools.product((0.05, 0.5, 1.1, 5.0), repeat=2)
    for record, other_record in itertools.product((1e-4, 3e-3, 5e-2), repeat=2)
    if (fixed, record) != (other_fixed, other_record)
]


@pytest.mark.parametrize(("before", "after"), STEPS, ids=str)
def test_a_step_in_the_cost_is_followed(before: tuple[float, float], after: tuple[float, float]) -> None:
    step = 60

    def cost(number: int, records: int) -> float:
        fixed, record = before if number < step else after
        return fixed + record * records

    fixed, record = after
    windows = simulate(cost, 200)
    settled = windows[step + FIRST_FEW :]
    assert throughput(settled) * record >= (0.9 if fixed < 0.09 * TARGET_SECONDS else 0.65)
    assert max(window.seconds for window in settled) <= allowed_seconds(fixed)
    slow = [window for window in windows[step:] if window.seconds > 2 * allowed_seconds(max(fixed, before[0]))]
    assert len(slow) <= 2  # the first one, of which nobody could know, and one more where it looked like a neighbour


def test_a_slow_window_makes_the_next_one_smaller_at_once() -> None:
    windows = simulate(lambda number, records: records * (0.001 if number < 40 else 0.05), 42)
    assert windows[41].records <= windows[40].records / 40


@pytest.mark.parametrize("fixed", FIXED_SECONDS)
@pytest.mark.parametrize("record", [1e-5, 1e-3, 1e-2])
def test_texts_that_get_longer_for_a_while(fixed: float, record: float) -> None:
    def cost(number: int, records: int) -> float:
        longer = 1 + 2 * max(0.0, math.sin((number - 60) / 20)) if number > 60 else 1.0
        return fixed + record * longer * records

    windows = simulate(cost, 300)[FIRST_FEW:]
    assert sum(window.seconds > 1.5 * allowed_seconds(fixed) for window in windows) <= len(windows) // 20
    busy = sum(window.seconds - fixed for window in windows)  # with records, long ones too
    assert busy / sum(window.seconds for window in windows) >= (0.88 if fixed < 0.09 * TARGET_SECONDS else 0.6)


@plane
def test_bursts_between_light_loads_are_met_with_windows_of_the_right_size(fixed: float, record: float) -> None:
    def waiting(number: int) -> int:
        return FOREVER if number % 40 < 20 else 1 + number % 4

    windows = simulate(linear(fixed, record), 400, waiting=waiting)
    bursts = [window for number, window in enumerate(windows) if number % 40 < 20 and number >= 80]
    assert throughput(bursts) * record >= (0.88 if fixed < 0.09 * TARGET_SECONDS else 0.62)
    assert max(window.seconds for window in bursts) <= allowed_seconds(fixed)


@pytest.mark.parametrize("fixed", FIXED_SECONDS)
def test_a_light_load_is_taken_at_once_and_tells_nothing_of_a_backlog(fixed: float) -> None:
    def waiting(number: int) -> int:
        return FOREVER if number < 60 else 30

    def cost(number: int, records: int) -> float:
        return fixed + 0.001 * records if number < 60 else fixed + 0.003 * records + 0.1  # it wakes up each time

    windows = simulate(cost, 200, waiting=waiting)
    assert [window.records for window in windows[61:]] == [30] * 139


def test_a_light_load_leaves_windows_as_large_as_they_were() -> None:
    full = simulate(linear(0.05, 0.001), 60)[-2]
    after = simulate(linear(0.05, 0.001), 300, waiting=lambda n: FOREVER if n < 60 or n == 299 else 5)[-1]
    assert after.records in (full.records, full.records // 16)


@pytest.mark.parametrize("fixed", FIXED_SECONDS)
def test_batches_that_are_full_or_not(fixed: float) -> None:
    batch, seconds = 32, 0.1
    windows = simulate(lambda _, records: fixed + seconds * math.ceil(records / batch))[FIRST_FEW:]
    assert throughput(windows) * seconds / batch >= 0.62
    assert max(window.seconds for window in windows) <= allowed_seconds(fixed + seconds)


@plane
def test_the_first_windows_may_be_slow(fixed: float, record: float) -> None:
    warm_up = (3.0, 1.0, 0.3)
    windows = simulate(lambda n, records: fixed + record * records + (warm_up[n] if n < len(warm_up) else 0.0))
    settled = windows[FIRST_FEW + 10 :]
    assert throughput(settled) * record >= (0.9 if fixed < 0.09 * TARGET_SECONDS else 0.65)
    assert max(window.seconds for window in settled) <= allowed_seconds(fixed)


@pytest.mark.parametrize("max_records", [1, 2, 3, 500])
def test_a_window_never_holds_more_than_its_limit(max_records: int) -> None:
    windows = simulate(linear(0.01, 1e-6), max_records=max_records)
    assert max(window.records for window in windows) == max_records


@plane
def test_from_a_single_record_on(fixed: float, record: float) -> None:
    windows = simulate(linear(fixed, record), first_records=1)
    assert windows[0].records == 1
    assert throughput(windows[FIRST_FEW + 10 :]) * record >= 0.65


def test_a_record_that_takes_longer_than_a_window_should() -> None:
    assert max(window.records for window in simulate(linear(0.01, 3.0), first_records=1)) <= 2


def test_windows_that_end_by_their_bytes_are_no_light_load() -> None:
    windows = simulate(lambda n, records: records * (0.001 if n < 40 else 0.0045), 80, cut_at=200)
    assert windows[-1].records == 200
    after = simulate(lambda n, records: records * (0.001 if n < 40 else 0.009), 80, cut_at=130)
    assert max(window.seconds for window in after[60:]) <= allowed_seconds(0)


@pytest.mark.parametrize("fixed", [6.0, 10.0, 20.0, 100.0])
def test_brokers_that_hardly_answer_do_not_bring_a_window_near_the_limits(fixed: float) -> None:
    windows = simulate(linear(fixed, 0.003))
    assert max(window.seconds for window in windows[2:]) <= max(LONGEST_SECONDS * 1.01, 1.51 * fixed)
    assert throughput(windows[FIRST_FEW:]) >= 0.3 / 0.003


def test_what_a_failed_window_took_tells_nothing() -> None:
    clock = Clock()
    sizer = WindowSizer(TARGET_SECONDS, LONGEST_SECONDS, FOREVER, clock)
    for _ in range(40):
        records = sizer.next_size()
        sizer.start(records, is_behind=False, is_cut=False)
        clock.now += 0.001 * records
    size = sizer.next_size()
    sizes = []
    for _ in range(4):
        sizer.start(size, is_behind=False, is_cut=False)
        clock.now += 45.0
        sizer.undelivered()
        size = sizer.next_size()
        sizes.append(size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]
    sizer.start(size, is_behind=False, is_cut=False)
    clock.now += 0.001 * size
    assert sizer.next_size() >= size  # it works again
    sizer.start(1080, is_behind=False, is_cut=False)
    clock.now += 1.08
    assert 900 <= sizer.next_size() <= 1200


def test_waiting_for_records_that_brokers_hold_is_part_of_the_cost() -> None:
    sizes = {}
    for is_behind in (True, False):
        clock = Clock()
        sizer = WindowSizer(TARGET_SECONDS, LONGEST_SECONDS, FOREVER, clock)
        for _ in range(40):
            records = sizer.next_size()
            clock.now += 2.0  # until they have come
            sizer.start(records, is_behind, is_cut=False)
            clock.now += 0.001 * records
        sizes[is_behind] = sizer.next_size()
    assert sizes[True] > 4 * sizes[False]
