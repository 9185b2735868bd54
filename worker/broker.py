"""Makes every Kafka client and knows the state of the topics."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import (
    AuthorizationError,
    GroupIdNotFoundError,
    KafkaError,
    NoError,
    RetriableError,
    SaslAuthenticationFailedError,
)
from kafka.structs import OffsetAndMetadata

from worker.errors import UserError
from worker.flow import Partition
from worker.kafka_compat import BoundedProducer, CandidAdmin, CandidClient, PatientClient, mend_client
from worker.refusals import forbidden, refused
from worker.security import client_security
from worker.settings import Settings
from worker.topics import Topic

# What a broker takes unless told otherwise (message.max.bytes of Apache Kafka).
DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
_BATCH_BYTES = 1 << 20  # one batch of a partition is on its way at a time: the fewer the better
_BATCH_HEADER_BYTES = 100  # a topic's limit is on the batch with its header
_BOOTSTRAP_TIMEOUT_MS = 5_000  # the client may spend all of it on one server that takes connections and says nothing
_BOOTSTRAP_ATTEMPTS = 3
_REQUEST_TIMEOUT_MS = 8_000
_COORDINATOR_SECONDS = 15
_RECONNECT_BACKOFF_MAX_MS = 2_000  # brokers that come back are found soon
_PRODUCER_REQUEST_TIMEOUT_MS = 5_000


@dataclass(frozen=True)
class Group:
    """A consumer group as the cluster describes it.

    `committed`: the offset of each partition that has one; `operations`: what ACLs allow this user, None if not told.
    """

    members: int
    committed: Mapping[Partition, int]
    operations: frozenset[str] | None


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
            "kafka_client": CandidClient,
        } | client_security(settings)

    def admin(self) -> "Admin":
        """A client that looks at topics.

        Raises:
            UserError: No broker answers.
        """
        return Admin(self._make(CandidAdmin))

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
        config = self._common | {"kafka_client": PatientClient} | transactional
        return BoundedProducer(
            **config,
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
        )

    def reader(self, topics: list[str]) -> KafkaConsumer:
        """A reader of all partitions of `topics` from their beginning, in no group: what a user of the labels does."""
        reader = self._make(
            KafkaConsumer,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # what retention has left of a range is read
            isolation_level="read_committed",
            fetch_max_wait_ms=20,
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
            except SaslAuthenticationFailedError as error:
                raise refused(error) from error
            except KafkaError as error:
                failures.append(error)
        raise UserError(
            f"no Kafka broker answers at {self._settings.bootstrap_servers} ({failures[-1]})",
            "check EMOTION_BOOTSTRAP_SERVERS, the network, that the brokers run, and that their port speaks "
            f"{self._settings.protocol} (EMOTION_SECURITY_PROTOCOL)",
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

    def brokers(self) -> int:
        """How many brokers the cluster has."""
        return len(self._client.describe_cluster()["brokers"])

    def topics(self, names: list[str]) -> dict[str, Topic]:
        """Those of `names` that exist and that we may see."""
        described = {topic["name"]: topic for topic in self._client.describe_topics(names) if not topic["error_code"]}
        return {name: self._topic(name, topic) for name, topic in described.items()}

    def create(self, partitions: dict[str, int]) -> None:
        """Make topics, each with its number of partitions and the cluster's default replication."""
        self._client.create_topics(
            {name: {"num_partitions": count} for name, count in partitions.items()}, wait_for_metadata=True
        )

    def delete(self, names: list[str]) -> None:
        """Delete topics."""
        self._client.delete_topics(names)

    def group(self, group_id: str) -> Group:
        """A group, also one that nobody has joined yet.

        Raises:
            UserError: We may not ask.
        """
        deadline = time.monotonic() + _COORDINATOR_SECONDS
        while True:
            try:
                described = self._client.describe_groups([group_id])[group_id]
                found = self._client.list_group_offsets(group_id)[group_id]
                committed = {Partition(*partition): place.offset for partition, place in found.items()}
                committed = {partition: offset for partition, offset in committed.items() if offset >= 0}
                return Group(len(described["members"]), committed, _operations(described))
            except GroupIdNotFoundError:
                return Group(0, {}, None)
            except AuthorizationError as error:
                raise forbidden(error) from error
            except RetriableError as error:  # a new cluster makes its coordinator when it is first asked for
                if time.monotonic() > deadline:
                    raise UserError(f"the brokers do not answer for group {group_id}: {error}") from error
                time.sleep(0.2)

    def commit_offsets(self, group_id: str, offsets: Mapping[Partition, int]) -> None:
        """Say where a group without members is to begin.

        Raises:
            UserError: The brokers refuse it.
        """
        places = {TopicPartition(*p): OffsetAndMetadata(offset, "", -1) for p, offset in offsets.items()}
        try:
            errors = self._client.alter_group_offsets(group_id, places)
        except KafkaError as error:
            raise UserError(f"the offsets of group {group_id} cannot be set: {error}") from error
        refused = [error for error in errors.values() if error is not NoError]
        if refused:
            raise UserError(
                f"the offsets of group {group_id} cannot be set ({refused[0].__name__}): grant this user Read on "
                "the group, and stop whoever is a member of it"
            )

    def _topic(self, name: str, described: dict[str, Any]) -> Topic:
        config = self._config(name)
        replicas = [len(partition["replica_nodes"]) for partition in described["partitions"]]
        return Topic(
            name,
            len(described["partitions"]),
            _number(config.get("max.message.bytes")),
            _operations(described),
            min(replicas, default=None),
            _number(config.get("min.insync.replicas")),
            "compact" in (config.get("cleanup.policy") or ""),
        )

    def _config(self, topic: str) -> dict[str, str | None]:
        """The topic's settings; none where we may not see them."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        try:
            configs = self._client.describe_configs([resource], config_filter="all")
        except AuthorizationError:
            return {}
        return {name: entry["value"] for name, entry in next(iter(configs.values()))[topic].items()}


def _operations(described: dict[str, Any]) -> frozenset[str] | None:
    operations = described.get("authorized_operations")
    return frozenset(operations) if operations else None  # a broker that allows nothing does not describe it either


def _number(value: str | None) -> int | None:
    return int(value) if value else None


def transactional_id(group_id: str) -> str:
    """A transactional id that no other process has.

    Fencing does not need a stable one: offsets are sent with the group's generation (KIP-447), so a zombie's are
    refused; what it left open ends with its transaction time-out.
    """
    return f"{group_id}-{uuid.uuid4()}"


def trial_transactional_id(group_id: str) -> str:
    """The transactional id of whoever only tries: the same each time, so that brokers remember one, and no worker's."""
    return f"{group_id}-check"
