"""Errors by what happens next. Anything else ends the process with its traceback."""

from typing import NamedTuple


class Problem(NamedTuple):
    """What is wrong, and what to do about it."""

    detail: str
    mend: str

    def __str__(self) -> str:
        return f"{self.detail}: {self.mend}"


class UserError(Exception):
    """Something that the person who runs the worker can mend; ends the process with this one line, exit code 2."""

    def __init__(self, detail: str, mend: str | None = None) -> None:
        """Say what is wrong, and what to do about it where that is more than `detail` says."""
        super().__init__(str(Problem(detail, mend)) if mend else detail)
        self.detail = detail
        self.mend = mend


class NotDeliveredError(Exception):
    """A window was not delivered, for a reason that may pass: it is read again from the committed offsets."""
