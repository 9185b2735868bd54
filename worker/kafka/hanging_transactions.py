"""Transactions that dead workers of the group left open, and whose end the brokers have forgotten."""

import logging
from contextlib import closing

from kafka import ConsumerGroupMetadata
from kafka.errors import AuthorizationError, KafkaError

from worker.errors import UserError
from worker.kafka.admin import Admin, Transaction
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients, is_of_group
from worker.settings import Settings

_log = logging.getLogger(__name__)

_OFFSETS_TOPIC = "__consumer_offsets"  # where brokers keep the offsets of all groups


def end_hanging_transactions(clients: KafkaClients, settings: Settings, *, are_offsets_withheld: bool = False) -> None:
    """End them as their coordinator says that they ended.

    Until then readers of committed records see nothing that lies behind them, and the group's offsets are not to be
    had. Only a producer of the same name can end them (see `end_what_is_open`), or an administrator. Should one still
    live under that name, it is fenced off and begins anew. What cannot be done now is logged.

    Args:
        clients: Of the cluster.
        settings: The group's.
        are_offsets_withheld: Where none is open in the outputs, look in the offsets of all groups too. Few users need
            the right to read these, so it is asked for where there is no other way on.
    """
    try:
        with clients.admin() as admin:
            hanging = _of_group(admin.hanging_transactions(list(settings.outputs)), settings)
            if are_offsets_withheld and not hanging:
                hanging = _of_group(_open_in_offsets(admin), settings)
        for transaction in hanging:
            with closing(clients.producer(DEFAULT_MAX_MESSAGE_BYTES, transaction.name)) as producer:
                producer.init_transactions()
                producer.end_what_is_open(
                    [each for each in transaction.partitions if each.topic != _OFFSETS_TOPIC],  # these go by the group
                    ConsumerGroupMetadata(settings.group_id),
                    transaction.is_committed,
                )
            _log.warning(
                "abandoned_transaction_ended",
                extra={
                    "committed": transaction.is_committed,
                    "partitions": [f"{topic}-{number}" for topic, number in transaction.partitions],
                },
            )
    except (KafkaError, UserError) as error:
        _log.warning("abandoned_transactions_left", extra={"error": str(error)})


def _open_in_offsets(admin: Admin) -> list[Transaction]:
    try:
        return admin.hanging_transactions([_OFFSETS_TOPIC])
    except AuthorizationError as error:
        raise UserError(
            f"a transaction may be open in {_OFFSETS_TOPIC}, where this user may not look",
            f"grant it Read on the topic {_OFFSETS_TOPIC}: to abort the transaction by kafka-transactions.sh instead "
            "may label texts twice (docker/RUNBOOK.md, Hanging transactions)",
        ) from error


def _of_group(transactions: list[Transaction], settings: Settings) -> list[Transaction]:
    return [each for each in transactions if is_of_group(each.name, settings.group_id)]
