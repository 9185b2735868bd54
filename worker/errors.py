"""Errors by what happens next. Anything else ends the process with its traceback."""


class UserError(Exception):
    """Something that the person who runs the worker can mend; ends the process with this one line, exit code 2."""

    def __init__(self, detail: str, mend: str | None = None) -> None:
        """Say what is wrong, and what to do about it where that is more than `detail` says."""
        super().__init__(f"{detail}: {mend}" if mend else detail)
        self.detail = detail
        self.mend = mend


class NotDeliveredError(Exception):
    """A window was not delivered, for a reason that may pass: it is read again from the committed offsets."""
