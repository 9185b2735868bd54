"""A stream of texts through a worker on real Kafka, and what came of it."""

import os
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from kafka import KafkaAdminClient

from tests.conftest import KafkaUnderTest
from tests.harness.endpoint import Endpoint
from tests.harness.eventually import eventually
from tests.harness.forked_worker import ForkedWorker
from tests.harness.independent import (
    NewRecord,
    StoredRecord,
    committed_offsets,
    create_topic,
    end_offsets,
    produce,
    read_topic,
)
from tests.harness.jars import JarsUnavailableError, registry_folder
from tests.harness.otlp_collector import OtlpCollector
from tests.harness.schema_registry import SchemaRegistry, apicurio_registry
from tests.harness.tiny_model import LABELS, write_tiny_model
from tests.harness.worker_process import WorkerProcess
from worker.kafka.clients import KafkaClients
from worker.settings import load_settings


@dataclass
class Stream:
    """Topics and a group of their own, and the settings of a worker between them."""

    servers: str
    folder: Path
    model: Path
    partitions: int = 2
    settings: dict[str, object] = field(default_factory=dict)
    topic_config: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.input, self.output, self.dead_letters = (
            create_topic(self.servers, prefix=prefix, partitions=self.partitions, config=self.topic_config)
            for prefix in ("in", "out", "dead")
        )
        self.group = f"group-{uuid.uuid4().hex[:8]}"

    def worker(self, module: str = "worker", /, **settings: object) -> WorkerProcess:
        """A worker that is not started yet; `module` is its command line."""
        own = {
            "bootstrap_servers": self.servers,
            "input_topic": self.input,
            "output_topic": self.output,
            "dead_letter_topic": self.dead_letters,
            "group_id": self.group,
            "model": self.model,
            "dtype": "float32",
            "batch_tokens": 512,  # else measured at the first start
            "session_timeout_ms": 6000,
            "window_max_records": 100,
        }
        return ForkedWorker(self.folder, module, **(own | self.settings | settings))

    def produce(self, records: list[NewRecord]) -> list[tuple[int, int]]:
        """Write to the input; gives (partition, offset) of each."""
        return produce(self.servers, self.input, records)

    def labels(self, at_least: int) -> list[StoredRecord]:
        """What a read_committed reader finds on the output."""
        return read_topic(self.servers, self.output, at_least=at_least)

    def letters(self, at_least: int) -> list[StoredRecord]:
        """What a read_committed reader finds on the dead-letter topic."""
        return read_topic(self.servers, self.dead_letters, at_least=at_least)

    def committed(self) -> dict[int, int]:
        """The group's offsets on the input."""
        return committed_offsets(self.servers, self.group, self.input)

    def transactional_ids(self) -> list[str]:
        """Those that the brokers remember, of this group."""
        with closing(KafkaAdminClient(bootstrap_servers=self.servers)) as admin:
            listed = admin.list_transactions().values()
        names = [transaction.transactional_id for of_broker in listed for transaction in of_broker]
        return [name for name in names if name.startswith(f"{self.group}-")]

    def wait_until_read(self, timeout_s: float = 90) -> None:
        """Wait until the group stands at the end of every partition, empty ones included."""

        def is_read() -> bool:
            committed, ends = self.committed(), end_offsets(self.servers, self.input)
            return all(committed.get(partition, 0) == end for partition, end in ends.items())

        eventually(is_read, timeout_s, "the group has read everything", interval_s=0.2)


def message(identity: str, text: str, partition: int | None = None) -> NewRecord:
    """A JSON message, keyed by its id."""
    return NewRecord(orjson.dumps({"id": identity, "text": text}), identity.encode(), partition=partition)


def identities(records: list[StoredRecord]) -> list[str]:
    """The ids of labels, in the order they were read."""
    return [orjson.loads(record.value or b"null")["id"] for record in records]


def starts(worker: WorkerProcess) -> dict[int, tuple[int, str]]:
    """Where each partition was read from in the first generation, and why."""
    worker.wait_until_ready()
    event = next(orjson.loads(line) for line in worker.log.splitlines() if '"partitions_assigned"' in line)
    return {int(name.rsplit("-", 1)[1]): (start["offset"], start["why"]) for name, start in event["starts"].items()}


def commit_places(stream: Stream, places: list[TopicPartition]) -> None:
    """Commit them for a group without members."""
    consumer = Consumer({"bootstrap.servers": stream.servers, "group.id": stream.group})
    try:

        def is_done() -> bool:
            try:
                consumer.commit(offsets=places, asynchronous=False)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_MEMBER_ID:  # a member that was killed has it still
                    raise
                return False
            return True

        eventually(is_done, 30, "the offsets are committed")
    finally:
        consumer.close()


def set_config(servers: str, topic: str, **config: object) -> None:
    """Set options of a topic, such as `max_message_bytes`."""
    entries = [
        ConfigEntry(name.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET)
        for name, value in config.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": servers})  # held: its answers never come once it is collected
    admin.incremental_alter_configs([resource])[resource].result(30)


def make_producers_beside_a_silent_server(bootstrap_servers: str, **settings: object) -> None:
    """The first of the bootstrap servers takes connections and says nothing; clients begin with any of them."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        both = f"127.0.0.1:{silent.getsockname()[1]},{bootstrap_servers}"
        broker = KafkaClients(load_settings(**(settings | {"bootstrap_servers": both})))
        for _ in range(6):
            broker.producer(max_message_bytes=1_000_000).close()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def make_stream(apache_kafka: KafkaUnderTest, tiny_model: Path, tmp_path: Path) -> Callable[..., Stream]:
    def make(**options: object) -> Stream:
        return Stream(apache_kafka.bootstrap_servers, tmp_path, tiny_model, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture(params=["at_least_once", "exactly_once"])
def stream(request: pytest.FixtureRequest, make_stream: Callable[..., Stream]) -> Stream:
    """A stream in each delivery mode."""
    return make_stream(settings={"delivery": request.param})


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's weights under other names: it disagrees on every text, and how is known."""
    names = {number: name.upper() for number, name in enumerate(LABELS)}
    return write_tiny_model(tmp_path_factory.mktemp("other") / "other", id2label=names)


@pytest.fixture
def rivals(make_stream: Callable[..., Stream]) -> tuple[Stream, str]:
    """A stream, and the topic of disagreements."""
    stream = make_stream()
    topic = create_topic(stream.servers, prefix="disagreements", partitions=2)
    stream.settings = {"challenger_topic": topic}
    return stream, topic


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SchemaRegistry]:
    """The one that KAFKA_TEST_SCHEMA_REGISTRY_URL names; else Apicurio; else the test is skipped."""
    if url := os.environ.get("KAFKA_TEST_SCHEMA_REGISTRY_URL"):
        yield SchemaRegistry(url)
        return
    try:
        program = registry_folder()
    except JarsUnavailableError as error:
        pytest.skip(f"no schema registry: {error}")
    with apicurio_registry(program, tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def collector() -> Iterator[OtlpCollector]:
    with OtlpCollector() as collector:
        yield collector


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()
