"""Transactions that dead workers of the group left open, and whose end the brokers have forgotten."""

import logging
from contextlib import closing

from kafka import ConsumerGroupMetadata
from kafka.errors import KafkaError

from worker.errors import UserError
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients, is_of_group
from worker.settings import Settings

_log = logging.getLogger(__name__)


def end_hanging_transactions(clients: KafkaClients, settings: Settings) -> None:
    """End them as their coordinator says that they ended.

    Until then readers of committed records see nothing that lies behind them, and the group's offsets are not to be
    had. Only a producer of the same name can end them (see `end_what_is_open`), or an administrator. Should one still
    live under that name, it is fenced off and begins anew. What cannot be done now is logged.
    """
    try:
        with clients.admin() as admin:
            hanging = admin.hanging_transactions(list(settings.outputs))
        for transaction in [each for each in hanging if is_of_group(each.name, settings.group_id)]:
            with closing(clients.producer(DEFAULT_MAX_MESSAGE_BYTES, transaction.name)) as producer:
                producer.init_transactions()
                producer.end_what_is_open(
                    transaction.partitions,
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
