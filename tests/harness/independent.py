"""The other client: topics, records and offsets through librdkafka, so that no bug of ours can hide itself."""

import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from tests.harness.eventually import eventually

Isolation = Literal["read_committed", "read_uncommitted"]
Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class NewRecord:
    """A record to write; `partition` None leaves the choice to the client, `timestamp_ms` None means now."""

    value: bytes | None = None
    key: bytes | None = None
    headers: Headers = ()
    partition: int | None = None
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class StoredRecord:
    """A record as a reader sees it."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


def cluster_id(servers: str) -> str:
    """The id that the cluster gives itself."""
    return cast(str, _admin(servers).list_topics(timeout=10).cluster_id)


def create_topic(
    servers: str, *, prefix: str = "topic", partitions: int = 1, config: Mapping[str, str] | None = None
) -> str:
    """Make a topic with a name that no other test has, and wait until its partitions have leaders."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    admin = _admin(servers)

    def is_made() -> bool:
        try:
            admin.create_topics([NewTopic(name, partitions, config=dict(config or {}))])[name].result(30)
        except KafkaException as error:
            # As it gets to know the brokers of a cluster, the client may drop the one that it has just asked.
            if error.args[0].code() not in (KafkaError._DESTROY_BROKER, KafkaError.TOPIC_ALREADY_EXISTS):
                raise
            return bool(error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS)  # made by the first try
        return True

    eventually(is_made, 60, f"topic {name} is made")
    _wait_for_leaders(admin, name, partitions)
    return name


def add_partitions(servers: str, topic: str, total: int) -> None:
    """Extend a topic to that many partitions."""
    admin = _admin(servers)
    admin.create_partitions([NewPartitions(topic, total)])[topic].result(30)
    _wait_for_leaders(admin, topic, total)


def make_topic(servers: str, name: str, partitions: int) -> None:
    """Make a topic under a name that nobody has now, and wait until its partitions have leaders."""
    admin = _admin(servers)
    admin.create_topics([NewTopic(name, partitions)])[name].result(30)
    _wait_for_leaders(admin, name, partitions)


def delete_topic(servers: str, topic: str) -> None:
    admin = _admin(servers)
    admin.delete_topics([topic])[topic].result(30)


def make_topic_anew(servers: str, topic: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> None:
    """Delete a topic and make it again at once, as a user who wants it empty does."""
    admin = _admin(servers)
    admin.delete_topics([topic])[topic].result(30)

    def is_made() -> bool:
        try:
            admin.create_topics([NewTopic(topic, partitions, config=dict(config or {}))])[topic].result(30)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # its deletion has not come round everywhere
                raise
            return False
        return True

    eventually(is_made, 30, f"{topic} is made anew", interval_s=0.01)
    _wait_for_leaders(admin, topic, partitions)


def topic_id(servers: str, topic: str) -> str:
    """The id of the topic that has this name now, as Kafka's tools print it."""
    admin = _admin(servers)

    def ask() -> str:
        try:
            return str(admin.describe_topics(TopicCollection([topic]))[topic].result(30).topic_id)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:  # not every broker knows of it yet
                raise
            return ""

    found = eventually(ask, 30, f"{topic} has an id")
    return found.replace("+", "-").replace("/", "_")  # librdkafka takes another alphabet than Kafka does


def forget_group(servers: str, group: str) -> None:
    """Delete a group that has no members, as brokers do once `offsets.retention.minutes` are over."""
    admin = _admin(servers)

    def is_deleted() -> bool:
        try:
            admin.delete_consumer_groups([group])[group].result(30)
        except KafkaException as error:
            if error.args[0].code() not in {KafkaError.NON_EMPTY_GROUP, *_COORDINATOR_NOT_READY}:
                raise
            return False
        return True

    eventually(is_deleted, 60, f"{group} is deleted")


def delete_records(servers: str, topic: str, before: Mapping[int, int]) -> None:
    """Let retention take every record of a partition below an offset: {partition: first offset that stays}."""
    wanted = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
    admin = _admin(servers)
    for future in admin.delete_records(wanted).values():
        future.result(30)


def produce(
    servers: str, topic: str, records: Iterable[NewRecord], *, compression: str = "none"
) -> list[tuple[int, int]]:
    """Write records in their order and give back (partition, offset) of each; raises if one was refused."""
    places: dict[int, tuple[int, int]] = {}
    failed: list[KafkaError] = []
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "compression.type": compression,
            "message.max.bytes": 100_000_000,
            "linger.ms": 5,
        }
    )
    count = 0
    for count, record in enumerate(records, start=1):
        index = count - 1

        def note(error: KafkaError | None, message: Message, index: int = index) -> None:
            if error is not None:
                failed.append(error)
            else:
                places[index] = _place(message)

        while True:
            try:
                producer.produce(
                    topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    partition=-1 if record.partition is None else record.partition,
                    timestamp=record.timestamp_ms or 0,
                    on_delivery=note,
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    producer.flush(60)
    if failed or len(places) != count:
        raise AssertionError(f"{count - len(places)} of {count} records not written to {topic}: {failed[:1]}")
    return [places[index] for index in range(count)]


def read_topic(
    servers: str,
    topic: str,
    *,
    at_least: int = 0,
    isolation: Isolation = "read_committed",
    timeout_s: float = 60,
) -> list[StoredRecord]:
    """Read a topic from its beginning to its end, in order within each partition.

    Goes on until at least so many records came and every partition was at its end after that; so a
    duplicate behind the expected record is seen too. Under read_committed the end of a partition is
    where the first open transaction starts.

    Raises:
        AssertionError: not so many records came in time; says how many did.
    """
    with_eof = {"enable.partition.eof": True, "isolation.level": isolation, "fetch.wait.max.ms": 50}
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "independent-reader", **with_eof} | _NO_COMMITS)
    try:
        partitions = sorted(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        records: list[StoredRecord] = []
        at_end: set[int] = set()
        deadline = time.monotonic() + timeout_s
        while len(records) < at_least or len(at_end) < len(partitions):
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(records)} of {at_least} records of {topic} within {timeout_s:g} s")
            message = consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is None:
                records.append(_stored(message))
                at_end.discard(_place(message)[0])
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end.add(_place(message)[0])
            else:
                raise AssertionError(f"{topic}: {error}")
        return records
    finally:
        consumer.close()


class RunningReader:
    """Reads a topic in the background for as long as it is open, and notes every record as it came."""

    def __init__(self, servers: str, topic: str, isolation: Isolation = "read_committed") -> None:
        self.records: list[StoredRecord] = []
        self._stop = threading.Event()
        settings = {
            "bootstrap.servers": servers,
            "group.id": "running-reader",
            "isolation.level": isolation,
            "log_level": 0,
        }
        self._consumer = Consumer(settings | {"fetch.wait.max.ms": 50} | _NO_COMMITS)
        partitions = self._consumer.list_topics(topic, timeout=30).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "RunningReader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self._consumer.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                self.records.append(_stored(message))


def committed_offsets(servers: str, group: str, topic: str) -> dict[int, int]:
    """What a group has committed, by partition; partitions without a commit are left out."""
    # A consumer, not the admin client: librdkafka's crashes the process where the group's coordinator is not ready yet.
    settings = {"bootstrap.servers": servers, "group.id": group, "isolation.level": "read_uncommitted"}
    consumer = Consumer(settings | _NO_COMMITS)
    try:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        wanted = [TopicPartition(topic, partition) for partition in partitions]
        found = eventually(lambda: _committed(consumer, wanted), 60, f"the coordinator of {group} answers")
        return {p.partition: p.offset for p in found if p.offset >= 0}
    finally:
        consumer.close()


def end_offsets(servers: str, topic: str) -> dict[int, int]:
    """The offset behind the last record or transaction marker of each partition."""
    # Under read_committed it would be where the first open transaction starts.
    settings = {"bootstrap.servers": servers, "group.id": "independent-reader", "isolation.level": "read_uncommitted"}
    consumer = Consumer(settings | _NO_COMMITS)
    try:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=30)[1] for p in partitions}
    finally:
        consumer.close()


def _committed(consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
    """What the group has committed; empty while its coordinator moves or loads."""
    try:
        return consumer.committed(partitions, timeout=30)
    except KafkaException as error:
        if error.args[0].code() in _COORDINATOR_NOT_READY:
            return []
        raise


_COORDINATOR_NOT_READY = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
_NO_COMMITS = {"enable.auto.commit": False, "auto.offset.reset": "error"}


def _stored(message: Message) -> StoredRecord:
    partition, offset = _place(message)
    return StoredRecord(
        partition=partition,
        offset=offset,
        key=message.key(),
        value=message.value(),
        headers=tuple(cast("list[tuple[str, bytes | None]]", message.headers() or [])),
        timestamp_ms=message.timestamp()[1],
    )


def _place(message: Message) -> tuple[int, int]:
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        raise AssertionError("a message without a place")
    return partition, offset


def _admin(servers: str) -> AdminClient:
    """A client to hold in a variable: once it is collected, the answers that it waits for never come."""
    return AdminClient({"bootstrap.servers": servers})


def _wait_for_leaders(admin: AdminClient, topic: str, partitions: int) -> None:
    def led() -> bool:
        found = admin.list_topics(topic, timeout=10).topics[topic]
        return len(found.partitions) == partitions and all(p.leader >= 0 for p in found.partitions.values())

    eventually(led, 30, f"{topic} has {partitions} partitions with leaders")
