"""Hides in a text what may lead to a person. Patterns find what looks like it; names in the text they do not find."""

import re
from collections.abc import Callable, Collection
from functools import partial

# Each begins where none of its characters stands before, so that a long text is searched in linear time.
_EMAIL = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]+(?:\.[\w-]+)*")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_PHONE = re.compile(r"(?<![\w+(])[+(]{0,2}\d(?:[ ()./-]{0,2}\d){5,16}(?!\w)")
_MENTION = re.compile(r"(?<!\w)@\w+(?:[.-]\w+)*")

_FEWEST_DIGITS = 9  # of a telephone number that does not begin like one; a date has 8
_FEWEST_AFTER_PREFIX = 7  # + or 0, or an area code in brackets


def mask(text: str, kinds: Collection[str]) -> str:
    """The text with `[kind]` for everything of these kinds: `email`, `card`, `phone`, `mention`."""
    for kind, (pattern, is_one) in _PATTERNS.items():
        if kind in kinds:
            text = pattern.sub(partial(_hidden, kind, is_one), text)
    return text


def _hidden(kind: str, is_one: Callable[[str], bool], found: re.Match[str]) -> str:
    return f"[{kind}]" if is_one(found[0]) else found[0]


def _is_card(found: str) -> bool:
    """Whether its digits have the sum of Luhn (ISO/IEC 7812-1)."""
    digits = [int(character) for character in reversed(found) if character.isdecimal()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _is_phone(found: str) -> bool:
    digits = sum(map(str.isdecimal, found))
    return digits >= (_FEWEST_AFTER_PREFIX if found[0] in "+(0" else _FEWEST_DIGITS)


_PATTERNS: dict[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "email": (_EMAIL, bool),
    "card": (_CARD, _is_card),
    "phone": (_PHONE, _is_phone),
    "mention": (_MENTION, bool),
}
"""In the order in which they are looked for: a card's number looks like that of a telephone."""
