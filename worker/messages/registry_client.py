"""HTTP requests to a Confluent-compatible schema registry, JSON in and out."""

import base64
import ssl
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

import orjson

from worker.errors import UserError
from worker.no_redirect import NoRedirect
from worker.settings.schema_registry import RegistrySettings

_TIMEOUT_SECONDS = 10
_ONCE_SECONDS = 5.0
_ATTEMPTS = 3
_BETWEEN_SECONDS = 1
_OUT_OF_ORDER = HTTPStatus.INTERNAL_SERVER_ERROR  # and all above: it may pass
_SHOWN_CHARACTERS = 300
_NOT_FOUND = (40401, 40402, 40403)  # the subject, its version, the schema


class Answer:
    """What the registry said: the HTTP status, and its own error code where it has one."""

    def __init__(self, url: str, status: int, content: bytes) -> None:
        """Read it; `content` may be anything."""
        self.status = status
        self._url = url
        try:
            found = orjson.loads(content)
        except orjson.JSONDecodeError:
            found = None
        self._content: dict[str, Any] = found if isinstance(found, dict) else {}
        self.code = self._content.get("error_code")

    @property
    def words(self) -> str:
        """Its own words, on one line and not too many of them."""
        said = next((self._content[name] for name in ("message", "messages", "reason") if self._content.get(name)), "")
        return " ".join(f"HTTP {self.status} {said}".split())[:_SHOWN_CHARACTERS]

    def get(self, name: str) -> Any:
        """A field of an answer, good or not; None where it has none of that name."""
        return self._content.get(name)

    @property
    def is_not_found(self) -> bool:
        """Whether the registry itself says that there is no such thing: subject, version or schema."""
        return self.code in _NOT_FOUND

    def field(self, name: str) -> Any:
        """A field of a good answer.

        Raises:
            UserError: It is not a good one.
        """
        if self.status != HTTPStatus.OK or name not in self._content:
            raise self.unexpected()
        return self._content[name]

    def unexpected(self) -> UserError:
        """What to say of an answer that should not have come."""
        if self.status == HTTPStatus.FORBIDDEN:
            mend = "grant this user Read on the subjects of its topics"
        elif self.status == HTTPStatus.NOT_FOUND or (self.code is None and self.status < _OUT_OF_ORDER):
            mend = (
                "EMOTION_SCHEMA_REGISTRY_URL must be the root of the API, such as https://registry.example.org:8081, "
                "or of Apicurio https://registry.example.org/apis/ccompat/v7"
            )
        else:
            mend = "look at the registry's own log"
        return UserError(f"the schema registry at {self._url} answers {self.words}", mend)


class RegistryClient:
    """Asks one registry."""

    def __init__(self, settings: RegistrySettings) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            UserError: The file of CAs cannot be used.
        """
        self._url = (settings.schema_registry_url or "").rstrip("/")
        self._headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
        if settings.schema_registry_username and settings.schema_registry_password:
            login = f"{settings.schema_registry_username}:{settings.schema_registry_password.get_secret_value()}"
            self._headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        tls = urllib.request.HTTPSHandler(context=_tls_context(settings))
        self._opener = urllib.request.build_opener(NoRedirect, tls)

    def get(self, path: str) -> Answer:
        """Ask once, and not for long.

        Raises:
            UserError: It does not answer, or does not take us.
        """
        try:
            return self._ask(path, None, _ONCE_SECONDS)
        except (OSError, HTTPException) as error:
            raise self._away(getattr(error, "reason", error)) from error

    def post(self, path: str, content: dict[str, str]) -> Answer:
        """Ask, again where the registry is away or out of order for a moment.

        Raises:
            UserError: It does not answer, or does not take us.
        """
        for _ in range(_ATTEMPTS - 1):
            with suppress(OSError, HTTPException):
                answer = self._ask(path, content)
                if answer.status < _OUT_OF_ORDER:
                    return answer
            time.sleep(_BETWEEN_SECONDS)
        try:
            return self._ask(path, content)
        except (OSError, HTTPException) as error:
            raise self._away(getattr(error, "reason", error)) from error

    def _ask(self, path: str, content: dict[str, str] | None, timeout_seconds: float = _TIMEOUT_SECONDS) -> Answer:
        body = None if content is None else orjson.dumps(content)
        request = urllib.request.Request(self._url + path, body, self._headers)  # noqa: S310 - http(s), says the setting
        try:
            with self._opener.open(request, timeout=timeout_seconds) as response:
                return Answer(self._url, response.status, response.read())
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.UNAUTHORIZED:
                raise UserError(
                    f"the schema registry at {self._url} does not accept who we say we are",
                    "check EMOTION_SCHEMA_REGISTRY_USERNAME and EMOTION_SCHEMA_REGISTRY_PASSWORD",
                ) from error
            return Answer(self._url, error.code, error.read())

    def _away(self, reason: object) -> UserError:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return UserError(
                f"the schema registry at {self._url} shows a certificate that cannot be trusted "
                f"({reason.verify_message})",
                "set EMOTION_SCHEMA_REGISTRY_CA_FILE to the CA that signed it, and the host's name in "
                "EMOTION_SCHEMA_REGISTRY_URL to one that the certificate has",
            )
        return UserError(
            f"no schema registry answers at {self._url} ({reason})",
            "check EMOTION_SCHEMA_REGISTRY_URL, the network, and that the registry runs",
        )


def _tls_context(settings: RegistrySettings) -> ssl.SSLContext:
    file = settings.schema_registry_ca_file
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:
        raise UserError(
            f"EMOTION_SCHEMA_REGISTRY_CA_FILE: {file} cannot be used ({error})",
            "it must be a readable PEM file of CA certificates",
        ) from error
