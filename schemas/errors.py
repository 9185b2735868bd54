"""Why a value gives no text."""

from schemas.dead_letter import Reason
from schemas.text_message import SkipReason


class InvalidMessageError(ValueError):
    """A value that breaks the input contract. `detail` names the field, never the text."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class NoTextError(InvalidMessageError):
    """The value breaks the contract because there is no text in it, and nothing that may have been meant as one."""


class DeletedRowError(InvalidMessageError):
    """The value says that a row is gone (Debezium's delete): its text is none any more, and nothing is wrong."""


class SkippedMessageError(Exception):
    """The value is none to label, as its producer and the settings have it, and nothing is wrong."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason)
        self.reason = reason
