"""Settings of how the worker proves who it is and with whom it talks."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, FilePath, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from worker.settings.base import SettingsGroup, refuse, shaped, web_address

_URL_WORDS = (
    "must begin with `https://` or `http://`, then a host (in ASCII) and a path, with no user and password in it"
)
OauthExtension = Annotated[  # what brokers take: `auth` is the token's own name
    str,
    shaped(
        r"(?!auth=)[A-Za-z]+=[!-~]+",
        "must be `name=value`, the name of letters (but not `auth`), the value without spaces",
    ),
]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "AWS_MSK_IAM"]
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

    sasl_mechanism: Mechanism | None = Field(None)
    """How the worker proves who it is: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER`, or `AWS_MSK_IAM`,
    which needs the extra `aws` and finds its credentials as AWS's own tools do.
    """

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

    oauth_extensions: Annotated[tuple[OauthExtension, ...], NoDecode] = Field(())
    """What the brokers want to know beside the token (RFC 7628), `name=value` with commas between; of Confluent Cloud
    `logicalCluster=lkc-…,identityPoolId=pool-…`.
    """

    @field_validator("oauth_extensions", mode="before")
    @classmethod
    def _split_extensions(cls, value: object) -> object:
        """Commas may also stand in a value: one separates where a name follows."""
        return tuple(map(str.strip, re.split(r",(?=\s*[A-Za-z]+=)", value))) if isinstance(value, str) else value

    @field_validator("oauth_extensions")
    @classmethod
    def _check_extensions(cls, extensions: tuple[str, ...]) -> tuple[str, ...]:
        names = [extension.partition("=")[0] for extension in extensions]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"names {twice[0]} twice")
        return extensions

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
        if self.protocol.startswith("SASL") and not self.sasl_mechanism:
            raise ValueError(f"EMOTION_SECURITY_PROTOCOL={self.protocol} needs EMOTION_SASL_MECHANISM")
        if self.sasl_mechanism and not self.protocol.startswith("SASL"):
            raise ValueError(
                f"EMOTION_SASL_MECHANISM does nothing with EMOTION_SECURITY_PROTOCOL={self.protocol}: set SASL_SSL"
            )
        if self.sasl_mechanism == "AWS_MSK_IAM" and self.protocol != "SASL_SSL":
            raise ValueError("EMOTION_SASL_MECHANISM=AWS_MSK_IAM needs EMOTION_SECURITY_PROTOCOL=SASL_SSL, or none")
        return self

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        login: dict[str, object] = {
            "EMOTION_SASL_USERNAME": self.sasl_username,
            "EMOTION_SASL_PASSWORD": self.sasl_password,
        }
        client: dict[str, object] = {
            "EMOTION_OAUTH_TOKEN_URL": self.oauth_token_url,
            "EMOTION_OAUTH_CLIENT_ID": self.oauth_client_id,
            "EMOTION_OAUTH_CLIENT_SECRET": self.oauth_client_secret,
        }
        more = {"EMOTION_OAUTH_SCOPE": self.oauth_scope, "EMOTION_OAUTH_EXTENSIONS": self.oauth_extensions or None}
        by_password = self.sasl_mechanism not in (None, "OAUTHBEARER", "AWS_MSK_IAM")
        by_token = self.sasl_mechanism == "OAUTHBEARER"
        needed = (login if by_password else {}) | (client if by_token else {})
        if missing := [name for name, value in needed.items() if value is None]:
            raise ValueError(f"EMOTION_SASL_MECHANISM={self.sasl_mechanism} needs {' and '.join(missing)}")
        unused = ({} if by_password else login) | ({} if by_token else client | more)
        refuse(unused, f"does nothing with EMOTION_SASL_MECHANISM={self.sasl_mechanism or '(unset)'}")
        return self
