"""Settings of how the worker proves who it is and with whom it talks."""

from typing import Annotated, Literal, Self

from pydantic import Field, FilePath, SecretStr, model_validator

from worker.settings.base import SettingsGroup, refuse, web_address

_URL_WORDS = (
    "must begin with `https://` or `http://`, then a host (in ASCII) and a path, with no user and password in it"
)
Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]


class SecuritySettings(SettingsGroup):
    """TLS and SASL."""

    security_protocol: Protocol | None = Field(None)
    """What the brokers' port speaks: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`. Unset: `SASL_SSL` with a SASL
    mechanism, `SSL` with a CA or a certificate, else `PLAINTEXT`.
    """

    ssl_ca_file: FilePath | None = Field(None)
    """PEM file of the CAs that sign the brokers' certificates; unset: those of the system."""

    ssl_certificate_file: FilePath | None = Field(None)
    """PEM file of the worker's own certificate and its chain, for mutual TLS."""

    ssl_key_file: FilePath | None = Field(None)
    """PEM file of that certificate's private key."""

    ssl_key_password: SecretStr | None = Field(None)
    """Password of the private key, if it has one."""

    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = Field(None)
    """How the worker proves who it is: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`."""

    sasl_username: str | None = Field(None, min_length=1)
    """User name for `PLAIN` and `SCRAM-…`."""

    sasl_password: SecretStr | None = Field(None, min_length=1)
    """Its password."""

    oauth_token_url: Annotated[str, web_address(r"https?://[^\s/@]+(/\S*)?", _URL_WORDS)] | None = Field(None)
    """Token endpoint for `OAUTHBEARER` (OAuth 2.0 client credentials)."""

    oauth_client_id: str | None = Field(None, min_length=1)
    """Client id for the token endpoint."""

    oauth_client_secret: SecretStr | None = Field(None, min_length=1)
    """Its secret."""

    oauth_scope: str | None = Field(None)
    """Scope to ask for; unset: the endpoint's own choice."""

    @property
    def protocol(self) -> Protocol:
        """The security protocol, given or inferred. Never SASL without TLS unless it is asked for."""
        if self.security_protocol:
            return self.security_protocol
        if self.sasl_mechanism:
            return "SASL_SSL"
        return "SSL" if self.ssl_ca_file or self.ssl_certificate_file else "PLAINTEXT"

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        files = {"EMOTION_SSL_CA_FILE": self.ssl_ca_file, "EMOTION_SSL_CERTIFICATE_FILE": self.ssl_certificate_file}
        if not self.protocol.endswith("SSL"):
            refuse(files, f"does nothing with EMOTION_SECURITY_PROTOCOL={self.protocol}: set SSL or SASL_SSL")
        if self.ssl_certificate_file and not self.ssl_key_file:
            raise ValueError("EMOTION_SSL_CERTIFICATE_FILE needs EMOTION_SSL_KEY_FILE, its private key")
        if self.ssl_key_file and not self.ssl_certificate_file:
            raise ValueError("EMOTION_SSL_KEY_FILE needs EMOTION_SSL_CERTIFICATE_FILE, the certificate of that key")
        if self.ssl_key_password and not self.ssl_key_file:
            raise ValueError("EMOTION_SSL_KEY_PASSWORD needs EMOTION_SSL_KEY_FILE, the key that it opens")
        return self

    @model_validator(mode="after")
    def _check_sasl(self) -> Self:
        login = {"EMOTION_SASL_USERNAME": self.sasl_username, "EMOTION_SASL_PASSWORD": self.sasl_password}
        client = {
            "EMOTION_OAUTH_TOKEN_URL": self.oauth_token_url,
            "EMOTION_OAUTH_CLIENT_ID": self.oauth_client_id,
            "EMOTION_OAUTH_CLIENT_SECRET": self.oauth_client_secret,
        }
        if self.protocol.startswith("SASL") and not self.sasl_mechanism:
            raise ValueError(f"EMOTION_SECURITY_PROTOCOL={self.protocol} needs EMOTION_SASL_MECHANISM")
        if self.sasl_mechanism and not self.protocol.startswith("SASL"):
            raise ValueError(
                f"EMOTION_SASL_MECHANISM does nothing with EMOTION_SECURITY_PROTOCOL={self.protocol}: set SASL_SSL"
            )
        needed, other = (client, login) if self.sasl_mechanism == "OAUTHBEARER" else (login, client)
        if missing := [name for name, value in needed.items() if value is None and self.sasl_mechanism]:
            raise ValueError(f"EMOTION_SASL_MECHANISM={self.sasl_mechanism} needs {' and '.join(missing)}")
        unused = other if self.sasl_mechanism else login | client
        refuse(unused, f"does nothing with EMOTION_SASL_MECHANISM={self.sasl_mechanism or '(unset)'}")
        return self
