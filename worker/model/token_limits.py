"""The most tokens of a text, as configurations name it."""

from typing import Any

MOST_TOKENS = 2**31 - 1  # what a tokenizer can cut to; a text has never as many


def known_limit(tokens: Any) -> int:
    """The limit that is named; MOST_TOKENS where there is none, which some write as -1, None or 1e30.

    Raises:
        TypeError: It is no number.
    """
    return int(tokens) if tokens is not None and 0 <= tokens < MOST_TOKENS else MOST_TOKENS
