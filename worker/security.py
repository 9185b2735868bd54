"""Security settings to the client's own configuration."""

import ssl
from typing import Any

from pydantic import SecretStr

from worker.errors import UserError
from worker.oauth import ClientCredentials
from worker.security_settings import SecuritySettings


def client_security(settings: SecuritySettings) -> dict[str, Any]:
    """What every Kafka client is told about TLS and SASL.

    Raises:
        UserError: A certificate or key cannot be used.
    """
    config: dict[str, Any] = {"security_protocol": settings.protocol}
    if settings.protocol.endswith("SSL"):
        config |= _tls(settings)
    if settings.sasl_mechanism:
        config["sasl_mechanism"] = settings.sasl_mechanism
    if settings.sasl_username:
        config |= {"sasl_plain_username": settings.sasl_username, "sasl_plain_password": _open(settings.sasl_password)}
    if settings.oauth_token_url and settings.oauth_client_id:
        config["sasl_oauth_token_provider"] = ClientCredentials(
            settings.oauth_token_url,
            settings.oauth_client_id,
            _open(settings.oauth_client_secret),
            settings.oauth_scope,
        )
    return config


def _tls(settings: SecuritySettings) -> dict[str, Any]:
    """The client reads the files anew for every connection, so that renewed certificates need no restart."""
    files = {
        "ssl_cafile": settings.ssl_ca_file and str(settings.ssl_ca_file),
        "ssl_certfile": settings.ssl_certificate_file and str(settings.ssl_certificate_file),
        "ssl_keyfile": settings.ssl_key_file and str(settings.ssl_key_file),
        "ssl_password": _open(settings.ssl_key_password),  # never None: OpenSSL would ask the terminal
    }
    context = ssl.create_default_context()
    if files["ssl_cafile"]:
        try:
            context.load_verify_locations(files["ssl_cafile"])
        except (OSError, ValueError) as error:
            raise UserError(
                f"EMOTION_SSL_CA_FILE: {files['ssl_cafile']} cannot be used ({error})",
                "it must be a readable PEM file of CA certificates",
            ) from error
    if files["ssl_certfile"]:
        try:
            context.load_cert_chain(files["ssl_certfile"], files["ssl_keyfile"], files["ssl_password"])
        except (OSError, ValueError) as error:
            raise UserError(
                f"EMOTION_SSL_CERTIFICATE_FILE and EMOTION_SSL_KEY_FILE: {files['ssl_certfile']} and "
                f"{files['ssl_keyfile']} cannot be used together ({error})",
                "both must be readable PEM files, the key that of the first certificate, and its password, if it has "
                "one, in EMOTION_SSL_KEY_PASSWORD",
            ) from error
    return files


def _open(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
