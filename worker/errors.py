"""Errors by what happens next. Anything else ends the process with its traceback."""


class UserError(Exception):
    """Something that the person who runs the worker can mend; ends the process with this one line, exit code 2."""


class NotDeliveredError(Exception):
    """A window was not delivered, for a reason that may pass: it is read again from the committed offsets."""
