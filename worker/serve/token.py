"""The token that a request must carry."""

import hmac
from pathlib import Path

from worker.errors import UserError
from worker.serve.refusals import RefusedError


class Token:
    """Of one file; None: every request is welcome."""

    def __init__(self, file: Path | None) -> None:
        """Read it.

        Raises:
            UserError: The file holds no token.
        """
        self._expected: bytes | None = None
        if file is not None:
            try:
                token = file.read_bytes().strip()
            except OSError as error:
                raise UserError(f"EMOTION_SERVE_TOKEN_FILE: {file}: {error.strerror}") from error
            if not token or any(byte <= 32 or byte > 126 for byte in token):
                raise UserError(f"EMOTION_SERVE_TOKEN_FILE: {file} holds no token: it must be one word in ASCII")
            self._expected = token

    def check(self, authorization: str) -> None:
        """Compare in a time that tells nothing.

        Raises:
            RefusedError: It is another one, or none.
        """
        if self._expected is None:
            return
        scheme, _, token = authorization.partition(" ")
        is_right = hmac.compare_digest(token.encode("latin-1"), self._expected)
        if scheme.lower() != "bearer" or not is_right:
            words = "this needs the header `Authorization: Bearer …` with the token of EMOTION_SERVE_TOKEN_FILE"
            raise RefusedError(401, "Unauthorized", words, {"WWW-Authenticate": "Bearer"})
