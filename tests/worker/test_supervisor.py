"""How many processes `auto` means, and how each of several begins."""

import subprocess
import sys

import pytest

from worker import supervisor
from worker.settings import Settings
from worker.supervisor import process_count


@pytest.mark.parametrize(("cores", "processes"), [(1, 1), (2, 1), (3, 1), (4, 2), (8, 4), (64, 4)])
def test_auto_is_one_process_for_two_cores_and_four_at_most(
    cores: int, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "usable_cores", lambda: cores)
    assert process_count(Settings(device="cpu")) == processes


def test_a_number_is_taken_as_it_is_and_a_gpu_gets_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "usable_cores", lambda: 64)
    assert process_count(Settings(processes="7")) == 7
    assert process_count(Settings(device="cuda:1")) == 1


CHILD = """
import gc
from worker import supervisor
from worker.observe.health import Heartbeat
from worker.settings import Settings
supervisor.serve = lambda *_: print(gc.get_threshold())
supervisor.multiprocess.count_as = lambda _: None
supervisor._work(Settings(), 0, Heartbeat(), "info")
"""


def test_the_garbage_collector_comes_seldom_in_each_of_several_processes_too() -> None:
    said = subprocess.check_output([sys.executable, "-c", CHILD], text=True)
    assert said == "(50000, 20, 100)\n"
