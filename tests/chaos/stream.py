"""The stream that faults land in: who writes it, who reads it, and who notes the committed offsets. All librdkafka."""

import re
import threading
import time
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Self, cast

import orjson
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from tests.chaos.checker import Commit, Outcome, Place, Produced, Topic
from tests.harness.eventually import eventually
from tests.harness.independent import StoredRecord

RECORD_ID = re.compile(rb'"id":"(m\d+)"')  # of a value that is no JSON on purpose, too
_POISON_EVERY = 97  # a prime, so that all partitions and keys get their share
_KEYS = 10  # of each partition; a key never changes its partition
_TICKS = 20  # a second
_CLIENT = {
    "reconnect.backoff.max.ms": 500,
    "topic.metadata.refresh.interval.ms": 2000,
    "log_level": 0,
}


class _Background(ABC):
    """Something that runs on a thread of its own for as long as its `with` block."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._stop.set()
        self._thread.join()

    @abstractmethod
    def _run(self) -> None: ...


class Feed(_Background):
    """Writes unique records without end, round-robin over the partitions; notes each when it is acknowledged."""

    def __init__(
        self, servers: str, topic: str, partitions: int, texts: Sequence[tuple[str, frozenset[str]]], rate: int
    ) -> None:
        super().__init__()
        self.acknowledged: list[Produced] = []
        self.refused: list[str] = []
        self.unplaced: dict[
            bytes, Produced
        ] = {}  # by value: acknowledged on a retry, where brokers do not say the offset
        self.partitions = partitions
        self.poison_next = 0  # so many records in a row that can never be labelled
        self.long_next = 0  # so many in a row with the first text, which is long
        self._topic = topic
        self._texts = texts
        self._rate = rate
        self._number = 0
        self.burst_next = 0  # so many more at once
        self.topics = 1  # that had the topic's name, one after the other
        self._firsts: list[int] = []  # numbers of the first records of all topics but the first
        self._make_anew: Callable[[], None] | None = None
        self._ends: dict[int, int] = {}
        self._settings = {"bootstrap.servers": servers, "enable.idempotence": True, "acks": "all", "linger.ms": 5}
        self._producer = Producer(self._settings | _CLIENT)

    def ends(self) -> dict[Place, int]:
        """The offset behind the last acknowledged record of each partition, by its first place in today's topic."""
        return {Place(p, 0, self.topics - 1): self._ends.get(p, 0) for p in range(self.partitions)}

    def topic_of(self, value: bytes) -> int:
        """The topic in which a record was written, by a value that holds its id."""
        named = RECORD_ID.search(value)
        return bisect_right(self._firsts, int(named[1][1:])) if named else self.topics - 1

    def make_topic_anew(self, prepare: Callable[[], None], make: Callable[[], None], burst: int) -> None:
        """Let the topic be made anew between two records, the last `burst` of them just written, and as many after it.

        Args:
            prepare: Called before these, when all before them is acknowledged.
            make: Deletes the topic and makes it again.
            burst: Records at once.
        """
        done = threading.Event()

        def make_anew() -> None:
            self._producer.flush()
            prepare()
            self.burst_next = burst
            self._write_some()
            self._producer.flush()
            make()
            self._firsts.append(self._number)
            self.topics += 1
            self._ends = {}
            self._producer = Producer(self._settings | _CLIENT)  # whose batches begin to count anew
            self.burst_next = burst
            done.set()

        self._make_anew = make_anew
        eventually(done.is_set, 120, "the topic is made anew")

    def _run(self) -> None:
        while not self._stop.wait(1 / _TICKS):
            if self._make_anew:
                make_anew, self._make_anew = self._make_anew, None
                make_anew()
            self._write_some()
            self._producer.poll(0)
        self._producer.flush()  # librdkafka gives up a record after five minutes

    def _write_some(self) -> None:
        count, self.burst_next = self._rate // _TICKS + self.burst_next, 0
        for number in range(self._number, self._number + count):
            self._write(number)
        self._number += count

    def _write(self, number: int) -> None:
        partition = number % self.partitions
        identity, key = f"m{number}", f"{partition}-{number // self.partitions % _KEYS}".encode()
        text, labels = self._texts[0 if self.long_next else 1 + number % (len(self._texts) - 1)]
        self.long_next = max(0, self.long_next - 1)
        value, topic = orjson.dumps({"id": identity, "text": text}), self.topics - 1
        if self.poison_next or number % _POISON_EVERY == 0:
            self.poison_next = max(0, self.poison_next - 1)
            value, labels = value[:-1], frozenset()

        def note(error: KafkaError | None, message: Message) -> None:
            offset = message.offset()
            if error is not None:
                self.refused.append(f"{identity}: {error}")
                return
            if offset is None:
                self.unplaced[value] = Produced(Place(partition, -1, topic), identity, key, labels, time.time())
                return
            self.acknowledged.append(Produced(Place(partition, offset, topic), identity, key, labels, time.time()))
            self._ends[partition] = max(self._ends.get(partition, 0), offset + 1)

        while True:
            try:
                return self._producer.produce(self._topic, value, key, partition, on_delivery=note)
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:  # a partition that was just added, which the client will know of soon
                if error.args[0].code() != KafkaError._UNKNOWN_PARTITION:
                    raise
                self._producer.poll(0.1)


class Reader(_Background):
    """What a user of the labels sees: both topics, read committed, noted in the order and at the time they come."""

    def __init__(self, servers: str, topics: dict[str, Topic], feed: Feed) -> None:
        super().__init__()
        self.outcomes: list[Outcome] = []
        self.answered: set[Place] = set()
        self.furthest: dict[Place, int] = {}  # the highest offset of each input partition that has its outcome
        self._feed = feed
        self._topics = topics
        settings = {"bootstrap.servers": servers, "group.id": "running-reader", "isolation.level": "read_committed"}
        no_commits = {"enable.auto.commit": False, "auto.offset.reset": "error", "fetch.wait.max.ms": 50}
        self._consumer = Consumer(settings | no_commits | _CLIENT)
        self._assigned = 0
        self.partitions = feed.partitions  # may grow while it reads

    def _assign_more(self) -> None:
        """On the thread that polls: on another one it was seen to wait for minutes."""
        more = range(self._assigned, self.partitions)
        self._assigned = more.stop
        self._consumer.incremental_assign(
            [TopicPartition(name, p, OFFSET_BEGINNING) for name in self._topics for p in more]
        )

    def _run(self) -> None:
        self._consumer.assign([])
        while not self._stop.is_set():
            if self._assigned < self.partitions:
                self._assign_more()
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                self._note(message)
        self._consumer.close()

    def _note(self, message: Message) -> None:
        place = message.partition() or 0, message.offset() or 0
        headers = tuple(cast("list[tuple[str, bytes | None]]", message.headers() or []))
        stored = StoredRecord(*place, message.key(), message.value(), headers, timestamp_ms=0)
        outcome = as_outcome(self._topics[message.topic() or ""], stored, time.time(), self._feed)
        self.outcomes.append(outcome)
        self.answered.add(outcome.origin)
        log = outcome.origin._replace(offset=0)
        self.furthest[log] = max(outcome.origin.offset, self.furthest.get(log, -1))


class OffsetWatch(_Background):
    """Notes the group's committed offsets twice a second, as a consumer of the group that never joins it.

    Not by librdkafka's admin client, which was seen to crash when the coordinator moves while it asks.
    """

    def __init__(self, servers: str, group: str, topic: str, feed: Feed, topic_id: str) -> None:
        super().__init__()
        self.commits: list[Commit] = []
        self.topic_ids = [topic_id]  # one after the other; each offset is committed with that of its topic
        self._topic = topic
        self._feed = feed
        self._consumer = Consumer(
            {"bootstrap.servers": servers, "group.id": group, "enable.auto.commit": False} | _CLIENT
        )

    def look(self) -> None:
        """Note the committed offsets of now.

        Raises:
            KafkaException: They cannot be had now.
        """
        asked = [TopicPartition(self._topic, partition) for partition in range(self._feed.partitions)]
        answer = self._consumer.committed(asked, timeout=5)
        there = [place for place in answer if place.offset >= 0]
        for number, name in enumerate(self.topic_ids):
            # librdkafka's string may go on behind its end.
            of_topic = {each.partition: each.offset for each in there if f"/{name}" in (each.metadata or "")}
            if of_topic:
                self.commits.append(Commit(time.time(), of_topic, number))

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            try:
                self.look()
            except KafkaException:  # the coordinator is being moved: look again
                continue


def as_outcome(topic: Topic, record: StoredRecord, at: float, feed: Feed) -> Outcome:
    """A label or a dead letter as the checker takes it."""
    number = feed.topic_of(record.value or b"")
    if topic == "labels":
        label = orjson.loads(record.value or b"null")
        origin = Place(label["source"]["partition"], label["source"]["offset"], number)
        return Outcome(
            topic,
            record.partition,
            record.offset,
            record.key,
            origin,
            label["id"],
            label["label"],
            at,
            label["labelled_at_ms"] / 1000,
        )
    headers = {name: value or b"" for name, value in record.headers}
    _, partition, offset = headers["dead-letter-origin"].decode().rsplit("-", 2)
    return Outcome(
        topic,
        record.partition,
        record.offset,
        record.key,
        Place(int(partition), int(offset), number),
        label=headers["dead-letter-reason"].decode(),
        at=at,
        made_at=int(headers["dead-letter-at-ms"]) / 1000,
    )
