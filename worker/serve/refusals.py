"""What a request is refused for: a status, and words that say what to do."""

from collections.abc import Mapping


class RefusedError(Exception):
    """A request that is not answered as it wished. `kind` is the `error_type` of its answer, as TEI names them."""

    def __init__(self, status: int, kind: str, words: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.kind = kind
        self.words = words
        self.headers = headers or {}


class OverloadedError(RefusedError):
    """So many texts find no room in the queue."""

    def __init__(self, texts: int, room: int) -> None:
        words = (
            f"overloaded: {texts} texts, and there is room for {room} now: try again, or raise "
            "EMOTION_SERVE_MAX_QUEUED_TEXTS"
        )
        super().__init__(429, "Overloaded", words, {"Retry-After": "1"})


class InvalidRequestError(RefusedError):
    """What was sent is none of the shapes that this path takes."""

    def __init__(self, words: str, status: int = 422) -> None:
        super().__init__(status, "Validation", words)


class TooLargeError(RefusedError):
    """More than is taken at once."""

    def __init__(self, words: str) -> None:
        super().__init__(413, "Validation", words)


class ClientGoneError(Exception):
    """Nobody waits for an answer any more."""
