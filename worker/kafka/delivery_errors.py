"""What the client's errors mean for a delivery: it may be tried again, or it can never succeed like this."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from kafka.errors import (
    AuthorizationError,
    InvalidRequestError,
    InvalidTransactionTimeoutError,
    KafkaError,
    SaslAuthenticationFailedError,
    UnsupportedVersionError,
)

from worker.errors import NotDeliveredError, UserError
from worker.kafka.fatal_errors import GROUP_ERRORS, authentication_error, authorization_error, group_error
from worker.kafka.patches.producer import REFUSALS

_NOT_OFFERED = re.compile(
    f"InitProducerIdResponse.*({UnsupportedVersionError.__name__}|{InvalidRequestError.__name__})"
)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the client's errors into what happens next."""
    try:
        yield
    except AuthorizationError as error:
        raise authorization_error(error) from error
    except SaslAuthenticationFailedError as error:
        raise authentication_error(error) from error
    except REFUSALS as error:
        raise refused_for_good("", f"{type(error).__name__}: {error}") from error
    except GROUP_ERRORS as error:
        raise group_error(error) from error
    except UnsupportedVersionError as error:
        raise _not_offered(error) from error
    except KafkaError as error:
        if _NOT_OFFERED.search(str(error)):  # the client gives it no class of its own
            raise _not_offered(error) from error
        if InvalidTransactionTimeoutError.__name__ in str(error):  # nor this
            raise UserError(
                "EMOTION_SESSION_TIMEOUT_MS is also the time-out of transactions, and larger than the brokers' "
                "transaction.max.timeout.ms: lower the one or raise the other"
            ) from error
        raise NotDeliveredError(f"{type(error).__name__}: {error}") from error


def _not_offered(error: KafkaError) -> UserError:
    return UserError(
        f"these brokers offer no transactions, or not all that exactly once needs of them ({error})",
        "set EMOTION_DELIVERY=at_least_once, which does without (Apache Kafka has them since 2.5); if that is set, let "
        "the brokers take idempotent producers",
    )


def refused_for_good(topic: str, words: str) -> UserError:
    """What to say of an outcome in place of which nothing else can be tried."""
    return UserError(
        f"the brokers refuse an outcome ({words}){topic and f' for {topic}'}: compare message.timestamp.*.max.ms of "
        "the output and the dead-letter topic with the input's; a compacted topic takes no record without a key; if "
        "max.message.bytes was lowered, start again: it is read at start"
    )
