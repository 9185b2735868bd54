"""Topics for a demo or a measurement."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from worker.kafka.clients import KafkaClients


@contextmanager
def scratch_topics(clients: KafkaClients, prefix: str, partitions: int) -> Iterator[list[str]]:
    """Input, output and dead-letter topic under names of their own, gone afterwards."""
    prefix = f"{prefix}-{uuid.uuid4().hex[:8]}"
    names = [f"{prefix}-{name}" for name in ("text-messages", "emotion-labels", "dead-letters")]
    with clients.admin() as admin:
        admin.create(dict.fromkeys(names, partitions))
        try:
            yield names
        finally:
            admin.delete(names)
