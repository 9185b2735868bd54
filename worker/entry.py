"""Where the program begins: it hears a signal before it imports anything that takes time."""

import os
import signal


def main() -> int:
    """Run one command; returns the exit code."""
    # The first process of a container hears only what it asks for. Commands that have something to finish ask anew.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    from worker.__main__ import main as command_line

    return command_line()
