"""Errors by what happens next. Anything else ends the process with its traceback."""

import os
import sys
from collections.abc import Callable
from typing import NamedTuple

USER_ERROR = 2


class Problem(NamedTuple):
    """What is wrong, and what to do about it."""

    detail: str
    mend: str

    def __str__(self) -> str:
        return f"{self.detail}: {self.mend}"


class UserError(Exception):
    """Something that the person who runs the worker can mend; ends the process with this one line, exit code 2."""

    exit_code = USER_ERROR

    def __init__(self, detail: str, mend: str | None = None) -> None:
        """Say what is wrong, and what to do about it where that is more than `detail` says."""
        super().__init__(str(Problem(detail, mend)) if mend else detail)
        self.detail = detail
        self.mend = mend


def first_line(error: BaseException) -> str:
    """The first line of an exception's message that says anything; its type where there is none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


class NotAnsweredError(UserError):
    """What the brokers did not answer; as it may pass, the exit code is 1: whoever restarts the worker may do so."""

    exit_code = 1


class DeviceFailedError(UserError):
    """The model fails whatever the text is; as another start may find its device well, the exit code is 1."""

    exit_code = 1

    def __init__(self, error: Exception) -> None:
        """Tell what torch said. Of all that a device can do wrong it has no narrower type than RuntimeError."""
        super().__init__(
            f"the model fails on its device: {type(error).__name__}: {first_line(error)}",
            "look at the device, its driver and its memory, or take another by EMOTION_DEVICE or EMOTION_DTYPE",
        )


class NotDeliveredError(Exception):
    """A window was not delivered, for a reason that may pass: it is read again from the committed offsets."""


class RegistryAwayError(NotDeliveredError):
    """A window cannot be decoded yet: the schema registry does not say what its values are."""


class OutcomesRefusedError(NotDeliveredError):
    """Brokers do not take some outcomes, and it is known why: the next attempt is another one."""


def exit_code(command: Callable[[], int]) -> int:
    """Run a command; returns its exit code: USER_ERROR for what the user can mend, 1 for what may pass."""
    try:
        try:
            return command()
        finally:
            _flush_output()
    except UserError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"emotion-worker: {line}\n")
        return error.exit_code
    except NotDeliveredError as error:  # at start-up; while running it is tried again
        sys.stderr.write(f"emotion-worker: the brokers do not take what we write: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        return 1
    except OSError as error:  # no room, no right, a file that is none, a port that is taken
        sys.stderr.write(f"emotion-worker: {error}\n")
        return 1


def _flush_output() -> None:
    """Find out here, and not when Python ends, that the output cannot be written; then nothing is tried again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
