"""The watchdog on the loop's progress, and what a start waits for."""

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


def test_commands_that_may_fail_fast_do_not_wait_for_torch() -> None:
    modules = ["worker.__main__", "worker.commands.check", "worker.commands.dead_letters", "worker.service"]
    code = f"import sys, {', '.join(modules)}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
