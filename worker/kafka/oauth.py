"""Tokens for SASL OAUTHBEARER, by the client credentials grant of OAuth 2.0 (RFC 6749, section 4.4)."""

import base64
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import orjson
from kafka.errors import KafkaConnectionError
from kafka.net.sasl.oauth import AbstractTokenProvider

from worker.kafka.fatal_errors import FatalConnectionError
from worker.no_redirect import NoRedirect

_TIMEOUT_SECONDS = 5  # the client's heartbeats wait for it
_DEFAULT_LIFE_SECONDS = 300
_USED_SHARE = 0.8  # of a token's life; then a new one is asked for


_opener = urllib.request.build_opener(NoRedirect)


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]
    """Asks the token endpoint, and keeps the token while it is good for some time yet."""

    def __init__(
        self, url: str, client_id: str, client_secret: str, scope: str | None, extensions: tuple[str, ...] = ()
    ) -> None:
        """Ask nothing yet; `extensions` are `name=value`."""
        self._url = url
        self._extensions = dict(extension.split("=", 1) for extension in extensions)
        login = ":".join(urllib.parse.quote(part, safe="") for part in (client_id, client_secret))
        self._authorization = "Basic " + base64.b64encode(login.encode()).decode()
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        self._form = urllib.parse.urlencode(form).encode()
        self._lock = threading.Lock()  # consumer and producer connect from threads of their own
        self._token = ""
        self._good_until = 0.0

    def token(self) -> str:
        """A token that has not expired.

        Raises:
            FatalConnectionError: The endpoint does not take us.
            kafka.errors.KafkaConnectionError: It does not answer now.
        """
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._renew()
            return self._token

    def extensions(self) -> dict[str, str]:
        """What brokers are told beside the token."""
        return self._extensions

    def _renew(self) -> None:
        headers = {"Authorization": self._authorization}
        request = urllib.request.Request(self._url, self._form, headers)  # noqa: S310 - the setting allows http(s) only
        asked = time.monotonic()
        try:
            with _opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                answer = orjson.loads(response.read())
            token, seconds = answer["access_token"], float(answer.get("expires_in", _DEFAULT_LIFE_SECONDS))
        except urllib.error.HTTPError as error:
            if error.code in (408, 429) or error.code >= 500:
                raise KafkaConnectionError(f"the token endpoint answers {error.code}") from error
            raise self._refused(f"answers {error.code}") from error
        except OSError as error:
            raise KafkaConnectionError(f"the token endpoint cannot be reached ({error})") from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._refused("answers no access_token as JSON") from error
        self._token, self._good_until = token, asked + seconds * _USED_SHARE

    def _refused(self, what: str) -> FatalConnectionError:
        return FatalConnectionError(
            f"the token endpoint {self._url} {what}",
            "check EMOTION_OAUTH_TOKEN_URL, EMOTION_OAUTH_CLIENT_ID, EMOTION_OAUTH_CLIENT_SECRET and "
            "EMOTION_OAUTH_SCOPE",
        )
