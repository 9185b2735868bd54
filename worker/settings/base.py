"""What every group of settings has: its docstrings are the documentation, and some values look alike."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.field_path import FieldPath


def shaped(pattern: str, words: str) -> AfterValidator:
    """Of a text that must match: a refusal says it in these words, and shows neither the pattern nor the text."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(words)
        return text

    return AfterValidator(check)


def readable(parse: Callable[[str], object]) -> AfterValidator:
    """Of a text that another function must be able to read; its ValueError says what is wrong."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


def web_address(pattern: str, words: str) -> AfterValidator:
    """The same of a URL, which must also be one that can be asked: with a host in ASCII and a port that there is."""

    def check(text: str) -> str:
        try:
            can_be_asked = text.isascii() and urlsplit(text).port != 0
        except ValueError:  # half a bracket, a port beyond 65535
            can_be_asked = False
        if not can_be_asked or re.fullmatch(pattern, text) is None:
            raise ValueError(words)
        return text

    return AfterValidator(check)


KafkaName = Annotated[  # what Kafka takes for a topic
    str, shaped(r"[a-zA-Z0-9._-]{1,249}", "must be 1 to 249 letters (a to z), digits, dots, `_` or `-`")
]
FieldName = Annotated[str, readable(FieldPath.parse)]
HeaderName = Annotated[str, shaped(r"[^*]+\*?", "must be a header's name, or the beginning of one and then `*`")]


class SettingsGroup(BaseSettings):
    """Settings that belong together. What stands below a field is what SETTINGS.md says of it."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True, protected_namespaces=())


def refuse(settings: Mapping[str, object], why: str) -> None:
    """Raise ValueError if any of these is given, by its name."""
    given = [name for name, value in settings.items() if value is not None]
    if given:
        raise ValueError(f"{' and '.join(given)}: {why}")
