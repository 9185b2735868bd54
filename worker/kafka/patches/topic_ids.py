"""Which topics their names stand for now.

What the client does: it keeps the ids of topics in its metadata, shows them to nobody, and asks once in a minute. Where
a topic was deleted and made again it reads on at the old offset, in silence.
Since: 3.0.0 keeps the ids; none before knew them.
Without the patch: offsets of the old topic are committed into the new one, whose texts before them are never read.
Upstream: no issue found.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from uuid import UUID

from kafka import KafkaConsumer
from kafka.protocol.metadata import MetadataRequest


def ask_topic_ids(consumer: KafkaConsumer, topics: Collection[str], timeout_ms: int) -> Callable[[], dict[str, str]]:
    """Ask now, without waiting; what is given back waits for the answer.

    The group's coordinator is asked, on the connection that the client keeps for it alone: on any other the question
    would wait behind a fetch.

    Returns:
        A function that gives the id of each topic that is there, as Kafka's tools print it, behind that of the cluster.
        It raises a kafka.errors.KafkaError where there is no answer within `timeout_ms`. Brokers before Apache Kafka
        2.8 know no ids: then it gives none.
    """
    answer = consumer._manager.call_soon(_ask, consumer, topics)
    found: Callable[[], dict[str, str]] = lambda: consumer._net.run(  # noqa: E731
        consumer._manager.wait_for, answer, timeout_ms
    )
    return found


def known_topic_id(consumer: KafkaConsumer, topic: str) -> str | None:
    """The id in the client's metadata, in the same form; None where brokers know none."""
    cluster = consumer._client.cluster
    topic_id = cluster.topic_id(topic)
    return _shown(cluster.cluster_id, topic_id) if topic_id else None


async def _ask(consumer: KafkaConsumer, topics: Collection[str]) -> dict[str, str]:
    request = MetadataRequest(
        topics=[MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics],
        allow_auto_topic_creation=False,
        include_cluster_authorized_operations=False,
        include_topic_authorized_operations=False,
    )
    response = await consumer._manager.send(request, consumer._coordinator.coordinator())
    return {
        topic.name: _shown(response.cluster_id, topic.topic_id)
        for topic in response.topics
        if topic.topic_id and not topic.error_code
    }


def _shown(cluster_id: str | None, topic_id: UUID) -> str:
    return f"{cluster_id}/{urlsafe_b64encode(topic_id.bytes).decode().rstrip('=')}"
