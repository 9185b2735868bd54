"""What brokers refuse for good, and the mend of each: to try again would change nothing."""

import ssl

from kafka.errors import (
    AuthorizationError,
    ClusterAuthorizationFailedError,
    FencedInstanceIdError,
    GroupAuthorizationFailedError,
    GroupMaxSizeReachedError,
    IllegalSaslStateError,
    InconsistentGroupProtocolError,
    InvalidReceiveError,
    InvalidSessionTimeoutError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

from worker.errors import NotAnsweredError, UserError

_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_NOT_THIS_HOST = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_RIGHTS = {
    TopicAuthorizationFailedError: "Read and Describe on the input topic, Write and Describe (exactly once also Read) "
    "on the output and the dead-letter topic",
    GroupAuthorizationFailedError: "Read on the consumer group EMOTION_GROUP_ID",
    TransactionalIdAuthorizationFailedError: "Write and Describe on the transactional ids that begin with "
    "EMOTION_GROUP_ID (pattern type prefixed)",
    ClusterAuthorizationFailedError: "IdempotentWrite on the cluster",
}
_ADMISSION = {
    FencedInstanceIdError: (
        "another worker of the group has the same EMOTION_GROUP_INSTANCE_ID",
        "give each its own",
    ),
    GroupMaxSizeReachedError: (
        "the group has as many members as the brokers allow",
        "raise their group.max.size, or run fewer workers",
    ),
    InconsistentGroupProtocolError: (
        "the group has members of another kind",
        "give these workers an EMOTION_GROUP_ID of their own",
    ),
    InvalidSessionTimeoutError: (
        "the brokers do not allow this session time-out",
        "set EMOTION_SESSION_TIMEOUT_MS between their group.min.session.timeout.ms and group.max.session.timeout.ms",
    ),
}
GROUP_ERRORS = tuple(_ADMISSION)


class FatalConnectionError(SaslAuthenticationFailedError):  # type: ignore[misc]
    """A broker does not take our connections. The client treats it as it treats a wrong password."""

    def __init__(self, detail: str, mend: str) -> None:
        super().__init__(f"{detail}: {mend}")
        self.detail = detail
        self.mend = mend


def fatal_connection_error(error: BaseException, where: str) -> FatalConnectionError | None:
    """What a connection's failure says about the settings; None if it may pass.

    Args:
        error: As the client has it.
        where: Host and port of the broker.
    """
    if isinstance(error, FatalConnectionError):
        return error
    found = _sasl(error) or _tls(error)
    return FatalConnectionError(f"{where} {found[0]}", found[1]) if found else None


def authentication_error(error: SaslAuthenticationFailedError) -> UserError:
    """What ends the worker when the client raises this."""
    found = fatal_connection_error(error, "a broker")
    return UserError(found.detail, found.mend) if found else UserError(str(error))


def authorization_error(error: AuthorizationError) -> UserError:
    """What ACLs do not allow, and the right that is missing."""
    rights = _RIGHTS.get(type(error), "; ".join(_RIGHTS.values()))
    return UserError(f"this user may not do that ({error})", f"grant it {rights}")


def unanswered(error: KafkaError, what: str = "the brokers do not answer") -> UserError:
    """What a question to the brokers came to; unless they refuse it, the same may be answered later."""
    if isinstance(error, AuthorizationError):
        return authorization_error(error)
    if isinstance(error, SaslAuthenticationFailedError):
        return authentication_error(error)
    mend = "look at the brokers, and try again"
    if isinstance(error, KafkaConnectionError | KafkaTimeoutError):
        mend = (
            "this machine must find and reach every broker under the name and the port that its advertised.listeners "
            "give; if it does, look at the brokers, and try again"
        )
    return NotAnsweredError(f"{what} ({error})", mend)


def group_error(error: KafkaError) -> UserError:
    """Why the group does not take this worker, one of GROUP_ERRORS."""
    return UserError(*_ADMISSION[type(error)])


def _sasl(error: BaseException) -> tuple[str, str] | None:
    match error:
        case SaslAuthenticationFailedError():
            return (
                f"does not accept who we say we are ({error.args[0] if error.args else error})",
                "check EMOTION_SASL_MECHANISM and its credentials",
            )
        case UnsupportedSaslMechanismError():
            return "does not take this SASL mechanism", "set EMOTION_SASL_MECHANISM to one that the listener has"
        case IllegalSaslStateError():
            return "asks for no SASL", "set EMOTION_SECURITY_PROTOCOL to SSL or PLAINTEXT, or name its SASL port"
        case InvalidReceiveError() if _is_tls_alert(error):
            return "speaks TLS", "set EMOTION_SECURITY_PROTOCOL to SSL or SASL_SSL, or name its plain port"
    return None


def _tls(error: BaseException) -> tuple[str, str] | None:
    """The client keeps TLS errors as the context or the only argument of its own."""
    for cause in (error.__context__, *error.args[:1]):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _distrusted(cause)
        if isinstance(cause, ssl.SSLError) and "ALERT" in str(cause.reason):
            return (
                f"refuses our TLS ({cause.reason})",
                "EMOTION_SSL_CERTIFICATE_FILE must name a certificate that has not expired and that a CA signed which "
                "the broker trusts; or the broker demands another version of TLS",
            )
        if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
            return "does not speak TLS", "set EMOTION_SECURITY_PROTOCOL to PLAINTEXT or SASL_PLAINTEXT, or another port"
    return None


def _distrusted(error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    if error.verify_code == _EXPIRED:
        return "shows a certificate that has expired", "renew it on the broker, or set this machine's clock"
    if error.verify_code in _NOT_THIS_HOST:
        return (
            f"shows a certificate for another host ({error.verify_message})",
            "EMOTION_BOOTSTRAP_SERVERS and the brokers' advertised.listeners must use a name that the certificate has",
        )
    return (
        f"shows a certificate that cannot be trusted ({error.verify_message})",
        "set EMOTION_SSL_CA_FILE to the CA that signed it",
    )


def _is_tls_alert(error: InvalidReceiveError) -> bool:
    """Whether the bytes that were taken for a length are the beginning of a TLS alert record: type 21, version 3."""
    length = str(error.args[0]).rpartition(" ")[2] if error.args else ""
    return length.isdigit() and int(length) >> 16 == 0x1503
