"""The watchdog on the loop's progress."""

import subprocess
import sys

HANGING = """
import threading
from worker.service import arm_watchdog

arm_watchdog(200)
threading.Event().wait(60)
"""


def test_a_loop_that_does_not_turn_ends_the_process_and_shows_where_it_hangs() -> None:
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=50)
    assert done.returncode == 1
    assert "most recent call first" in done.stderr
    assert "in wait" in done.stderr
