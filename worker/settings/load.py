"""Reads the settings and refuses what is misspelt or wrong, each with its own line."""

import difflib
import os
import re

from pydantic import ValidationError
from pydantic_settings import SettingsError

from worker.errors import UserError
from worker.settings.all_settings import PREFIX, Settings, variable

# Kubernetes gives every container variables named after the services around it; one may well be called emotion-….
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT\w*)$|_PORT(_\d+_(TCP|UDP|SCTP)\w*)?$")
_SECRETS_VARIABLE = "EMOTION_SECRETS_DIR"


def load_settings(**overrides: object) -> Settings:
    """Read and check the settings; `overrides` win over all sources.

    Raises:
        UserError: A setting is misspelt or invalid; the message has one line for each.
    """
    secrets_dir = os.environ.get(_SECRETS_VARIABLE)
    if secrets_dir and not os.path.isdir(secrets_dir):
        raise UserError(f"{_SECRETS_VARIABLE}: there is no folder {secrets_dir}")
    _refuse_unusable(_names_in_use(secrets_dir))
    try:
        return Settings(_secrets_dir=secrets_dir, **overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise UserError("\n".join(_line(detail) for detail in error.errors(include_url=False))) from None
    except SettingsError as error:
        raise UserError(f"{_SECRETS_VARIABLE}: {error}: each file must be UTF-8 text") from error


def _names_in_use(secrets_dir: str | None) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        names = {name.upper(): value or "" for name, value in dotenv_values(".env").items()}
    except UnicodeDecodeError as error:
        raise UserError(f".env is no UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8") from None
    if secrets_dir:
        names |= {name.upper(): "" for name in os.listdir(secrets_dir)}
    names |= {name.upper(): value for name, value in os.environ.items()}
    return {name: value for name, value in names.items() if name.startswith(PREFIX)}


def _refuse_unusable(names: dict[str, str]) -> None:
    known = [variable(field) for field in Settings.model_fields] + [_SECRETS_VARIABLE]
    problems = []
    for name, value in sorted(names.items()):
        if not _is_utf8(name + value):
            problems.append(f"{ascii(name)[1:-1]}: is not UTF-8")
            continue
        if name in known or (_SERVICE_LINK.search(name) and (not name.endswith("_PORT") or "://" in value)):
            continue
        close = difflib.get_close_matches(name, known, n=1)
        problems.append(f"{name}: no such setting" + (f"; did you mean {close[0]}?" if close else ""))
    if problems:
        raise UserError("\n".join(problems))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes that the operating system had
        return False
    return True


def _line(detail: object) -> str:
    location, message = detail["loc"], str(detail["msg"]).removeprefix("Value error, ")  # type: ignore[index]
    return f"{variable(str(location[0]))}: {message}" if location else message
