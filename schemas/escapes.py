r"""Lists in a setting: a backslash takes the next character as it is (`after\.body`)."""

import re

_CHARACTER = re.compile(r"\\?.", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def split_unescaped(text: str, separator: str) -> list[str]:
    """The parts between the separators, a character each, that no backslash stands before; escapes are left."""
    parts = [""]
    for character in _CHARACTER.findall(text):
        if character == separator:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def unescaped(text: str) -> str:
    """The text without the backslashes that take a character as it is."""
    return _ESCAPED.sub(r"\1", text)
