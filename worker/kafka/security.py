"""Security settings to the client's own configuration."""

import ssl
from typing import Any

from pydantic import SecretStr

from worker.errors import UserError
from worker.kafka.oauth import ClientCredentials
from worker.kafka.patches.msk_iam import use_aws_credentials
from worker.settings.security import SecuritySettings


def client_security(settings: SecuritySettings) -> dict[str, Any]:
    """What every Kafka client is told about TLS and SASL.

    Raises:
        UserError: A certificate or key cannot be used, or there are no AWS credentials.
    """
    config: dict[str, Any] = {"security_protocol": settings.protocol}
    if settings.protocol.endswith("SSL"):
        config |= _tls(settings)
    if settings.sasl_mechanism:
        config["sasl_mechanism"] = settings.sasl_mechanism
    if settings.sasl_mechanism == "AWS_MSK_IAM":
        use_aws_credentials()
    if settings.sasl_username:
        config |= {"sasl_plain_username": settings.sasl_username, "sasl_plain_password": _open(settings.sasl_password)}
    if settings.oauth_token_url and settings.oauth_client_id:
        config["sasl_oauth_token_provider"] = ClientCredentials(
            settings.oauth_token_url,
            settings.oauth_client_id,
            _open(settings.oauth_client_secret),
            settings.oauth_scope,
            settings.oauth_extensions,
        )
    return config


def _tls(settings: SecuritySettings) -> dict[str, Any]:
    """The client reads the files anew for every connection, so that renewed certificates need no restart."""
    authorities, certificate, key = (
        str(path) if path else None
        for path in (settings.ssl_ca_file, settings.ssl_certificate_file, settings.ssl_key_file)
    )
    password = _open(settings.ssl_key_password)  # never None: OpenSSL would ask the terminal
    _try_authorities(authorities)
    _try_certificate(certificate, key, password)
    return {"ssl_cafile": authorities, "ssl_certfile": certificate, "ssl_keyfile": key, "ssl_password": password}


def _try_authorities(file: str | None) -> None:
    try:
        ssl.create_default_context(cafile=file)
    except (OSError, ValueError) as error:
        raise UserError(
            f"EMOTION_SSL_CA_FILE: {file} cannot be used ({error})",
            "it must be a readable PEM file of CA certificates",
        ) from error


def _try_certificate(certificate: str | None, key: str | None, password: str) -> None:
    if certificate is None:
        return
    try:
        ssl.create_default_context().load_cert_chain(certificate, key, password)
    except (OSError, ValueError) as error:
        raise UserError(
            f"EMOTION_SSL_CERTIFICATE_FILE and EMOTION_SSL_KEY_FILE: {certificate} and {key} cannot be used together "
            f"({error})",
            "both must be readable PEM files, the key that of the first certificate, and its password, if it has one, "
            "in EMOTION_SSL_KEY_PASSWORD",
        ) from error


def _open(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
