"""Makes every Kafka client."""

import logging
import re
import uuid
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError, SaslAuthenticationFailedError, UnsupportedVersionError

from worker.errors import NotAnsweredError, UserError
from worker.kafka.admin import Admin
from worker.kafka.compression import compression_type
from worker.kafka.fatal_errors import authentication_error
from worker.kafka.patches.admin_client import GroupRightsAdminClient
from worker.kafka.patches.apply import apply_patches
from worker.kafka.patches.connections import FailFastClient, RetryingClient
from worker.kafka.patches.producer import WindowProducer
from worker.kafka.security import client_security
from worker.settings import Settings

_log = logging.getLogger(__name__)

# What a broker takes unless told otherwise (message.max.bytes of Apache Kafka).
DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
_BATCH_BYTES = 1 << 20  # one batch of a partition is on its way at a time: the fewer the better
_BATCH_HEADER_BYTES = 100  # a topic's limit is on the batch with its header
_BOOTSTRAP_TIMEOUT_MS = 5_000
_BOOTSTRAP_ATTEMPTS = 3
_REQUEST_TIMEOUT_MS = 8_000
_RECONNECT_BACKOFF_MAX_MS = 2_000  # brokers that come back are found soon
_PRODUCER_REQUEST_TIMEOUT_MS = 5_000
_PRODUCER_IDLE_MS = 180_000  # load balancers of clouds forget a connection, without a word, from 240 s on


class KafkaClients:
    """Makes clients that share one configuration."""

    def __init__(self, settings: Settings) -> None:
        if not settings.bootstrap_servers:
            raise UserError("EMOTION_BOOTSTRAP_SERVERS is not set: name the Kafka brokers, such as `localhost:9092`")
        apply_patches()
        self._settings = settings
        self._common: dict[str, Any] = {
            "bootstrap_servers": [server.strip() for server in settings.bootstrap_servers.split(",")],
            "bootstrap_timeout_ms": _BOOTSTRAP_TIMEOUT_MS,
            "metadata_max_age_ms": settings.metadata_max_age_ms,
            "reconnect_backoff_max_ms": _RECONNECT_BACKOFF_MAX_MS,
            "client_id": settings.client_id,
            "kafka_client": FailFastClient,
        } | client_security(settings)

    def admin(self) -> Admin:
        """A client that looks at topics and groups.

        Raises:
            UserError: No broker answers.
        """
        return Admin(self._make(GroupRightsAdminClient))

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
            client_rack=self._settings.client_rack or "",
            fetch_max_wait_ms=50,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
        )

    def producer(self, max_message_bytes: int, transactional_id: str | None = None) -> WindowProducer:
        """An idempotent producer, where brokers have such; with `transactional_id` a transactional one.

        `init_transactions()` is still to be called.

        Args:
            max_message_bytes: The smallest limit among the topics that it writes to; it bounds whole batches.
            transactional_id: Never shared by two live processes.

        Raises:
            kafka.errors.UnsupportedVersionError: The brokers have no transactions.
            kafka.errors.KafkaError: They are away.
        """
        config = self._producer_config(max_message_bytes)
        transactional: dict[str, Any] = {}
        if transactional_id:
            transactional = {
                "transactional_id": transactional_id,
                "transaction_timeout_ms": self._settings.session_timeout_ms,
            }
        producer = WindowProducer(**config, **transactional)
        try:
            producer.check_brokers()
        except UnsupportedVersionError as error:
            producer.close(timeout=0)
            if transactional_id:
                raise
            _log.warning("producer_not_idempotent", extra={"error": str(error)})
            return WindowProducer(**config, enable_idempotence=False, max_in_flight_requests_per_connection=1)
        return producer

    def _producer_config(self, max_message_bytes: int) -> dict[str, Any]:
        # A broker that hears nothing for session_timeout_ms takes us for dead; our transaction must not outlive that,
        # because readers wait behind it. A delivery gives up before its transaction does.
        session_timeout_ms = self._settings.session_timeout_ms
        return self._common | {
            "kafka_client": RetryingClient,
            "acks": "all",
            "allow_auto_create_topics": False,
            "compression_type": compression_type(self._settings),
            "batch_size": min(_BATCH_BYTES, max_message_bytes - _BATCH_HEADER_BYTES),
            "delivery_timeout_ms": session_timeout_ms * 2 // 3,
            "linger_ms": 20,  # a window is flushed anyway; until then batches may fill
            "max_request_size": 2**31 - 1,  # sizes are checked against the topics' own limits before
            # An end of transaction without an answer is given up after this long, whatever else is set.
            "request_timeout_ms": min(_PRODUCER_REQUEST_TIMEOUT_MS, session_timeout_ms // 3),
            "max_block_ms": _REQUEST_TIMEOUT_MS,
            "connections_max_idle_ms": _PRODUCER_IDLE_MS,
            "retry_backoff_ms": 20,  # the first request of a transaction waits this long for the end of the last one
        }

    def reader(self, topics: list[str], isolation: str = "read_committed") -> KafkaConsumer:
        """A reader of all partitions of `topics` from their beginning, in no group: what a user of the labels does."""
        reader = self._make(
            KafkaConsumer,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # what retention has left of a range is read
            isolation_level=isolation,
            fetch_max_wait_ms=20,
        )
        partitions = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in reader.partitions_for_topic(topic) or ()
        ]
        reader.assign(partitions)
        if partitions:  # else there are no such topics, or this user may not see them
            reader.seek_to_beginning()
        return reader

    def _make(self, client: Any, **config: Any) -> Any:
        failures: list[KafkaError] = []
        while len(failures) < _BOOTSTRAP_ATTEMPTS:
            try:
                return client(**(self._common | config))
            except SaslAuthenticationFailedError as error:
                raise authentication_error(error) from error
            except KafkaError as error:
                failures.append(error)
        told = "; ".join(dict.fromkeys(map(str, failures)))  # the last alone may be a mere time-out
        raise NotAnsweredError(
            f"no Kafka broker answers at {self._settings.bootstrap_servers} ({told})",
            "check EMOTION_BOOTSTRAP_SERVERS, the network, that the brokers run, and that their port speaks "
            f"{self._settings.protocol} (EMOTION_SECURITY_PROTOCOL)",
        ) from failures[-1]


def transactional_id(group_id: str) -> str:
    """A transactional id that no other process has.

    Fencing does not need a stable one: offsets are sent with the group's generation (KIP-447), so a zombie's are
    refused; what it left open ends with its transaction time-out, unless brokers skip its markers (see
    `end_what_is_open`) and it does not come back: then others end it (`end_hanging_transactions`).
    """
    return f"{group_id}-{uuid.uuid4()}"


def is_of_group(name: str, group_id: str) -> bool:
    """Whether a worker of the group made this transactional id, and not one of a group whose name is longer."""
    return re.fullmatch(re.escape(group_id) + "-[0-9a-f-]{36}", name) is not None


def trial_transactional_id(group_id: str) -> str:
    """The transactional id of whoever only tries: the same each time, so that brokers remember one, and no worker's."""
    return f"{group_id}-check"
