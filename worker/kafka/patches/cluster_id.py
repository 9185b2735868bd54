"""The cluster's id, as the client was told it with its metadata.

What the client does: it keeps the id, and has no public way to ask for it but a request of an admin client.
Since: 3.0.0. Without the patch: a start would need one connection more, only to name the cluster on spans.
Upstream: no issue found.
"""

from kafka import KafkaConsumer


def cluster_id(consumer: KafkaConsumer) -> str | None:
    """The id; None before the first metadata, and of brokers that tell none."""
    found = consumer._client.cluster.cluster_id
    return found or None
