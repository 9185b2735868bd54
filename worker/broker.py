"""Makes every Kafka client and knows the state of the topics."""

import time
import uuid
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import AuthorizationError, GroupIdNotFoundError, KafkaError, RetriableError

from worker.errors import UserError
from worker.kafka_compat import BoundedProducer, PatientClient, mend_client
from worker.settings import Settings

# What a broker takes unless told otherwise (message.max.bytes of Apache Kafka).
DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
_BATCH_BYTES = 1 << 20  # one batch of a partition is on its way at a time: the fewer the better
_BATCH_HEADER_BYTES = 100  # a topic's limit is on the batch with its header
_DEAD_LETTER_BYTES = 4096
_BOOTSTRAP_TIMEOUT_MS = 5_000  # the client may spend all of it on one server that takes connections and says nothing
_BOOTSTRAP_ATTEMPTS = 3
_REQUEST_TIMEOUT_MS = 8_000
_COORDINATOR_SECONDS = 15
_RECONNECT_BACKOFF_MAX_MS = 2_000  # brokers that come back are found soon
_PRODUCER_REQUEST_TIMEOUT_MS = 5_000


@dataclass(frozen=True)
class Topic:
    """A topic as the cluster describes it. `max_message_bytes` is None where the cluster does not tell us."""

    name: str
    partitions: int
    max_message_bytes: int | None


class Broker:
    """Makes clients that share one configuration."""

    def __init__(self, settings: Settings) -> None:
        if not settings.bootstrap_servers:
            raise UserError("EMOTION_BOOTSTRAP_SERVERS is not set: name the Kafka brokers, such as `localhost:9092`")
        mend_client()
        self._settings = settings
        self._common: dict[str, Any] = {
            "bootstrap_servers": [server.strip() for server in settings.bootstrap_servers.split(",")],
            "bootstrap_timeout_ms": _BOOTSTRAP_TIMEOUT_MS,
            "metadata_max_age_ms": settings.metadata_max_age_ms,
            "reconnect_backoff_max_ms": _RECONNECT_BACKOFF_MAX_MS,
            "client_id": "emotion-worker",
        }

    def admin(self) -> "Admin":
        """A client that looks at topics.

        Raises:
            UserError: No broker answers.
        """
        return Admin(self._make(KafkaAdminClient))

    def consumer(self) -> KafkaConsumer:
        """A member of the group, not subscribed yet. It commits nothing and resets nothing by itself."""
        return self._make(
            KafkaConsumer,
            group_id=self._settings.group_id,
            group_instance_id=self._settings.group_instance_id,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            partition_assignment_strategy=[CooperativeStickyAssignor],
            session_timeout_ms=self._settings.session_timeout_ms,
            heartbeat_interval_ms=self._settings.session_timeout_ms // 15,
            max_poll_interval_ms=self._settings.max_poll_interval_ms,
            fetch_max_wait_ms=50,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )

    def producer(self, max_message_bytes: int, transactional_id: str | None = None) -> BoundedProducer:
        """An idempotent producer; with `transactional_id` also transactional, `init_transactions()` still to be called.

        Args:
            max_message_bytes: The smallest limit among the topics that it writes to; it bounds whole batches.
            transactional_id: Never shared by two live processes.

        Raises:
            kafka.errors.KafkaError: The brokers are away.
        """
        # A broker that hears nothing for session_timeout_ms takes us for dead; our transaction must not outlive that,
        # because readers wait behind it. A delivery gives up before its transaction does.
        session_timeout_ms = self._settings.session_timeout_ms
        transactional = (
            {"transactional_id": transactional_id, "transaction_timeout_ms": session_timeout_ms}
            if transactional_id
            else {}
        )
        return BoundedProducer(
            **self._common,
            acks="all",
            allow_auto_create_topics=False,
            batch_size=min(_BATCH_BYTES, max_message_bytes - _BATCH_HEADER_BYTES),
            delivery_timeout_ms=session_timeout_ms * 2 // 3,
            linger_ms=20,  # a window is flushed anyway; until then batches may fill
            max_request_size=2**31 - 1,  # sizes are checked against the topics' own limits before
            # An end of transaction without an answer is given up after this long, whatever else is set.
            request_timeout_ms=min(_PRODUCER_REQUEST_TIMEOUT_MS, session_timeout_ms // 3),
            max_block_ms=_REQUEST_TIMEOUT_MS,
            retry_backoff_ms=20,  # the first request of a transaction waits this long for the end of the last one
            kafka_client=PatientClient,
            **transactional,
        )

    def reader(self, topics: list[str]) -> KafkaConsumer:
        """A reader of all partitions of `topics` from their beginning, in no group: what a user of the labels does."""
        reader = self._make(
            KafkaConsumer, enable_auto_commit=False, isolation_level="read_committed", fetch_max_wait_ms=20
        )
        partitions = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in reader.partitions_for_topic(topic) or ()
        ]
        reader.assign(partitions)
        reader.seek_to_beginning()
        return reader

    def _make(self, client: Any, **config: Any) -> Any:
        failures: list[KafkaError] = []
        while len(failures) < _BOOTSTRAP_ATTEMPTS:
            try:
                return client(**(self._common | config))
            except KafkaError as error:
                failures.append(error)
        raise UserError(
            f"no Kafka broker answers at {self._settings.bootstrap_servers} ({failures[-1]}): "
            "check EMOTION_BOOTSTRAP_SERVERS, the network, and that the brokers run"
        ) from failures[-1]


class Admin:
    """Looks at topics and makes them. Use it in a `with` block."""

    def __init__(self, client: KafkaAdminClient) -> None:
        self._client = client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def topics(self, names: list[str]) -> dict[str, Topic]:
        """Those of `names` that exist and that we may see."""
        described = {topic["name"]: topic for topic in self._client.describe_topics(names) if not topic["error_code"]}
        return {
            name: Topic(name, len(topic["partitions"]), self._max_message_bytes(name))
            for name, topic in described.items()
        }

    def create(self, partitions: dict[str, int]) -> None:
        """Make topics, each with its number of partitions and the cluster's default replication."""
        self._client.create_topics(
            {name: {"num_partitions": count} for name, count in partitions.items()}, wait_for_metadata=True
        )

    def delete(self, names: list[str]) -> None:
        """Delete topics."""
        self._client.delete_topics(names)

    def committed_partitions(self, group_id: str) -> int:
        """How many partitions a group has committed offsets of; none if there is no such group yet.

        Raises:
            UserError: We may not ask.
        """
        deadline = time.monotonic() + _COORDINATOR_SECONDS
        while True:
            try:
                return len(self._client.list_group_offsets(group_id)[group_id])
            except GroupIdNotFoundError:
                return 0
            except AuthorizationError as error:
                raise UserError(f"not allowed to see group {group_id} ({error}): grant this user Read on it") from error
            except RetriableError as error:  # a new cluster makes its coordinator when it is first asked for
                if time.monotonic() > deadline:
                    raise UserError(f"the brokers do not answer for group {group_id}: {error}") from error
                time.sleep(0.2)

    def _max_message_bytes(self, topic: str) -> int | None:
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        try:
            configs = self._client.describe_configs([resource], config_filter="all")
        except AuthorizationError:
            return None
        limit = next(iter(configs.values()))[topic].get("max.message.bytes")
        return int(limit["value"]) if limit else None


def transactional_id(group_id: str) -> str:
    """A transactional id that no other process has.

    Fencing does not need a stable one: offsets are sent with the group's generation (KIP-447), so a zombie's are
    refused; what it left open ends with its transaction time-out.
    """
    return f"{group_id}-{uuid.uuid4()}"


def topic_problems(topics: dict[str, Topic], settings: Settings) -> list[str]:
    """What is wrong with the three topics, one line each with its mend; empty if nothing is."""
    named = {
        "EMOTION_INPUT_TOPIC": settings.input_topic,
        "EMOTION_OUTPUT_TOPIC": settings.output_topic,
        "EMOTION_DEAD_LETTER_TOPIC": settings.dead_letter_topic,
    }
    problems = [
        f"topic {topic} ({variable}) does not exist or this user may not see it: create it, or correct the setting"
        for variable, topic in named.items()
        if topic not in topics
    ]
    source = topics.get(settings.input_topic)
    for name in (settings.output_topic, settings.dead_letter_topic):
        target = topics.get(name)
        if source and target and target.partitions < source.partitions:
            problems.append(
                f"topic {name} has {target.partitions} partitions, but {source.name} has {source.partitions}: a record "
                f"goes to the partition number that it came from, so give {name} at least {source.partitions}"
            )
    letters = topics.get(settings.dead_letter_topic)
    if letters and letters.max_message_bytes is not None and letters.max_message_bytes < _DEAD_LETTER_BYTES:
        problems.append(
            f"topic {letters.name} takes messages of {letters.max_message_bytes} bytes only: a dead letter's reason "
            f"alone needs {_DEAD_LETTER_BYTES}; raise its max.message.bytes"
        )
    return problems
