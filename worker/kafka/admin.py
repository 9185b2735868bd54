"""Looks at a cluster: its topics and its consumer groups."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, GroupState, GroupType, TransactionState
from kafka.errors import (
    AuthorizationError,
    GroupIdNotFoundError,
    KafkaError,
    NoError,
    RetriableError,
    UnsupportedVersionError,
    for_code,
)

from worker.errors import UserError
from worker.flow import Partition
from worker.kafka.fatal_errors import unanswered
from worker.kafka.records import to_commit
from worker.kafka.topics import Topic

_COORDINATOR_SECONDS = 15
_NO_LIMIT_MS = 2**62
_ENDED = {TransactionState.COMPLETE_COMMIT, TransactionState.COMPLETE_ABORT, TransactionState.EMPTY}


@dataclass(frozen=True)
class Group:
    """A consumer group as the cluster describes it.

    `members`: None if there are some of the new protocol (KIP-848), whose number is not told. `committed`: the offset
    of each partition that has one; `beside`: what was committed with it. `operations`: what ACLs allow this user, None
    if not told.
    """

    members: int | None
    committed: Mapping[Partition, int]
    beside: Mapping[Partition, str]
    operations: frozenset[str] | None


@dataclass(frozen=True)
class Transaction:
    """The last transaction of a transactional id, which is open in `partitions` although it has ended."""

    name: str
    is_committed: bool
    partitions: list[Partition]


class Admin:
    """Looks at topics and groups, and makes topics.

    Use it in a `with` block: what the client raises in it leaves it as a UserError, with its mend.
    """

    def __init__(self, client: KafkaAdminClient) -> None:
        self._client = client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        if isinstance(error, KafkaError):
            raise unanswered(error) from error

    def brokers(self) -> int:
        """How many brokers the cluster has."""
        return len(self._client.describe_cluster()["brokers"])

    def topics(self, names: Sequence[str]) -> dict[str, Topic]:
        """Those of `names` that exist and that we may see."""
        described = {
            topic["name"]: topic for topic in self._client.describe_topics(list(names)) if not topic["error_code"]
        }
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
            NotAnsweredError: Its coordinator does not answer.
        """
        deadline = time.monotonic() + _COORDINATOR_SECONDS
        while True:
            try:
                described = self._client.describe_groups([group_id])[group_id]
                found = self._client.list_group_offsets(group_id)[group_id]
                places = {Partition(*partition): place for partition, place in found.items() if place.offset >= 0}
                committed = {partition: place.offset for partition, place in places.items()}
                beside = {partition: place.metadata or "" for partition, place in places.items()}
                members = len(described["members"]) or (None if self._is_new_and_has_members(group_id) else 0)
                return Group(members, committed, beside, _operations(described))
            except GroupIdNotFoundError:
                return Group(0, {}, {}, None)
            except RetriableError as error:  # a new cluster makes its coordinator when it is first asked for
                if time.monotonic() > deadline:
                    raise unanswered(error, f"the brokers do not answer for group {group_id}") from error
                time.sleep(0.2)

    def _is_new_and_has_members(self, group_id: str) -> bool:
        """Of a group of the new protocol the client's only description says that it is dead."""
        try:
            listed = self._client.list_groups(types_filter=[GroupType.CONSUMER])
        except UnsupportedVersionError:  # before Apache Kafka 4.0 there are none
            return False
        states = [group["group_state"] for group in listed if group["group_id"] == group_id]
        return any(state != GroupState.EMPTY for state in states)

    def hanging_transactions(self, topics: list[str]) -> list[Transaction]:
        """Transactions that are open in partitions of `topics` although their coordinator says that they have ended.

        Raises:
            KafkaError: It cannot be told now, or this user may not know.
        """
        before = self._open(topics)
        if not before:
            return []
        listed = self._client.list_transactions(producer_id_filters=[producer_id for _, producer_id, _ in before])
        # One that was about to end when we looked first has done so by now; a new one would begin behind it.
        after = before & self._open(topics)
        found = []
        for transaction in [each for of_broker in listed.values() for each in of_broker if each.state in _ENDED]:
            partitions = sorted(p for p, producer_id, _ in after if producer_id == transaction.producer_id)
            if partitions:
                # Of an empty one it cannot be told any more: rather a label twice than one lost.
                is_committed = transaction.state != TransactionState.COMPLETE_ABORT
                found.append(Transaction(transaction.transactional_id, is_committed, partitions))
        return found

    def _open(self, topics: list[str]) -> set[tuple[Partition, int, int]]:
        """Partition, producer and first offset of each transaction that is open."""
        described = self._client.describe_topics(topics)
        if refused := [topic for topic in described if topic["error_code"]]:
            raise for_code(refused[0]["error_code"])(refused[0]["name"])
        partitions = [TopicPartition(topic["name"], n) for topic in described for n in range(len(topic["partitions"]))]
        return {
            (Partition(*partition), producer.producer_id, producer.current_transaction_start_offset)
            for partition, state in self._client.describe_producers(partitions).items()
            for producer in state.active_producers
            if producer.current_transaction_start_offset >= 0
        }

    def commit_offsets(self, group_id: str, offsets: Mapping[Partition, int]) -> None:
        """Say where a group without members is to begin.

        Raises:
            UserError: The brokers refuse it.
            NotAnsweredError: They do not do it now.
        """
        what = f"the offsets of group {group_id} cannot be set"
        try:
            errors = self._client.alter_group_offsets(group_id, to_commit(offsets))
        except KafkaError as error:
            raise unanswered(error, what) from error
        refused = [error for error in errors.values() if error is not NoError]
        if refused and issubclass(refused[0], RetriableError):
            raise unanswered(refused[0](), what)
        if refused:
            raise UserError(
                f"{what} ({refused[0].__name__})",
                "grant this user Read on the group, and stop whoever is a member of it",
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
            *_time_limits(config),
            _retention_ms(config),
            _stamps_arrival(config),
        )

    def _config(self, topic: str) -> dict[str, str | None]:
        """The topic's settings; none where we may not see them, or nobody may."""
        resource = ConfigResource(ConfigResourceType.TOPIC, topic)
        try:
            configs = self._client.describe_configs([resource], config_filter="all")
        except (AuthorizationError, UnsupportedVersionError):
            return {}
        return {name: entry["value"] for name, entry in next(iter(configs.values()))[topic].items()}


def _operations(described: dict[str, Any]) -> frozenset[str] | None:
    operations = described.get("authorized_operations")
    return frozenset(operations) if operations else None  # a broker that allows nothing does not describe it either


def _number(value: str | None) -> int | None:
    return int(value) if value else None


def _retention_ms(config: Mapping[str, str | None]) -> float | None:
    """How long a record is kept; infinite: for ever, as on a topic that is compacted only; None: not told."""
    retention_ms = _number(config.get("retention.ms"))
    if retention_ms is None:
        return None
    is_kept = retention_ms < 0 or "delete" not in (config.get("cleanup.policy") or "")
    return math.inf if is_kept else retention_ms


def _stamps_arrival(config: Mapping[str, str | None]) -> bool:
    return config.get("message.timestamp.type") == "LogAppendTime"


def _time_limits(config: Mapping[str, str | None]) -> tuple[int | None, int | None]:
    """How far records may lie in the past and in the future; before Apache Kafka 3.6 one limit was for both."""
    if _stamps_arrival(config):
        return None, None
    both = _number(config.get("message.timestamp.difference.max.ms"))
    limits = (_number(config.get(f"message.timestamp.{side}.max.ms")) or both for side in ("before", "after"))
    past, future = (None if limit is None or limit >= _NO_LIMIT_MS else limit for limit in limits)
    return past, future
