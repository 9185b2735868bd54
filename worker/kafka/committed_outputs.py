"""Which outcomes are committed, as the output topics tell it: for a transaction whose end is unknown."""

import logging
from collections.abc import Collection, Mapping

from worker.errors import UserError
from worker.flow import Partition
from worker.kafka.clients import KafkaClients
from worker.kafka.committed_offsets import Written
from worker.kafka.hanging_transactions import end_hanging_transactions
from worker.kafka.topic_range import TopicRange, log_end_offsets, read_range, whole_topic
from worker.settings import Settings

_log = logging.getLogger(__name__)


def find_visible(
    clients: KafkaClients, settings: Settings, outcomes: Collection[Written]
) -> Mapping[Written, bool] | None:
    """Whether readers of committed records see these outcomes. Those that retention has deleted are left out.

    Args:
        clients: Makes the clients.
        settings: Name the topics and the group.
        outcomes: Of this process.

    Returns:
        None while it cannot be known: an output topic cannot be read, or a transaction is open there.
    """
    seen: dict[Written, bool] = {}
    try:
        for topic in {target.topic for target, _ in outcomes}:
            whole, written = (
                whole_topic(clients, topic),
                log_end_offsets(clients, topic),
            )
            wanted = {p: [o for target, o in outcomes if target == p and o >= whole.starts[p]] for p in whole.ends}
            for partition, offsets in wanted.items():
                if any(whole.ends[partition] <= offset < written[partition] for offset in offsets):
                    end_open_transactions(clients, settings, partition)
                    return None
                seen |= {(partition, offset): False for offset in offsets}
            starts = {p: min([*wanted[p], end]) for p, end in whole.ends.items()}
            ends = {p: min(max(wanted[p], default=end) + 1, end) for p, end in whole.ends.items()}
            for record in read_range(clients, topic, TopicRange(starts, ends)):
                place = Partition(topic, record.origin.partition), record.origin.offset
                if place in seen:
                    seen[place] = True
    except UserError as error:
        _log.warning("answers_not_read", extra={"error": str(error)})
        return None
    return seen


def end_open_transactions(clients: KafkaClients, settings: Settings, partition: Partition) -> None:
    """One is open in a partition of an output: say so, and end those of dead workers."""
    error = f"a transaction is open in partition {partition.number} of {partition.topic}"
    _log.warning("answers_not_read", extra={"error": error})
    end_hanging_transactions(clients, settings)  # most likely it ends by itself
