"""The one exception of the trainer that its user can mend."""


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is one line that names what is wrong, where (file and row, or option) and the mend. The command line
    prints it without a traceback and exits with 2.
    """


def first_line(error: BaseException) -> str:
    """Returns the first line of an exception's message that says anything, or its type where there is none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
