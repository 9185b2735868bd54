"""Whether retention has overtaken a group, as its next worker would find out."""

from collections.abc import Collection
from contextlib import closing

from kafka import TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError

from worker.errors import UserError
from worker.flow import Partition
from worker.kafka.clients import KafkaClients
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.fatal_errors import unanswered
from worker.kafka.own_keys import KeyShare
from worker.kafka.start_offsets import StartOffsets
from worker.settings import Settings


def overtaken(clients: KafkaClients, settings: Settings, partitions: Collection[Partition]) -> list[UserError]:
    """What a worker would end with, of each of these partitions of the input. The group is not joined.

    Raises:
        UserError: It cannot be told now, or the group's offsets are those of another share of the keys.
    """
    try:
        with closing(clients.consumer()) as consumer:
            starts = StartOffsets(
                consumer, CommittedOffsets(), settings.start_offset, share=KeyShare(*settings.key_range)
            )
            return starts.overtaken([TopicPartition(*partition) for partition in partitions])
    except KafkaTimeoutError as error:
        raise UserError(
            f"the brokers keep the offsets of group {settings.group_id} back: a transaction is open there",
            "try again; if it stays so, see docker/RUNBOOK.md, Hanging transactions",
        ) from error
    except KafkaError as error:
        raise unanswered(error, f"the offsets of group {settings.group_id} are not to be had") from error
