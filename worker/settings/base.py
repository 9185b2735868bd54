"""What every group of settings has: its docstrings are the documentation, and some values look alike."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

NAME = r"^[a-zA-Z0-9._-]{1,249}$"  # what Kafka takes for a topic
PATH = r"^[^.]+(\.[^.]+)*$"  # dots lead into nested objects
FieldPath = Annotated[str, StringConstraints(pattern=PATH)]
Topic = Annotated[str, StringConstraints(pattern=NAME)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[^*]+\*?$")]


class SettingsGroup(BaseSettings):
    """Settings that belong together. What stands below a field is what SETTINGS.md says of it."""

    model_config = SettingsConfigDict(use_attribute_docstrings=True, protected_namespaces=())


def refuse(settings: Mapping[str, object], why: str) -> None:
    """Raise ValueError if any of these is given, by its name."""
    given = [name for name, value in settings.items() if value is not None]
    if given:
        raise ValueError(f"{' and '.join(given)}: {why}")
