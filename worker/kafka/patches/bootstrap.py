"""Which server a client begins with.

What the client does: picks any of the bootstrap servers, and the one that failed a moment ago as likely as the others.
Since: 3.0.0, with the package `kafka.net`.
Without the patch: a new producer begins up to four times with a broker that is frozen, 5 s each.
Upstream: no issue found.
"""

from kafka.cluster import ClusterMetadata


def bootstrap_brokers(cluster: ClusterMetadata) -> list[object]:
    """Those to begin with: not one that failed a moment ago, if there are others."""
    brokers = list(cluster._bootstrap_brokers.values())
    return [broker for broker in brokers if cluster._manager.connection_delay(broker.node_id) == 0] or brokers
