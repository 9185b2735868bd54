"""A real broker, topics full of texts, workers or peers between them, and how fast labels come out."""

import math
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from confluent_kafka.admin import AdminClient

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, RunningReader, create_topic, produce
from tests.harness.jars import kafka_jars
from tests.harness.worker_process import WorkerProcess
from worker.settings import Settings

PARTITIONS = 4
_SILENCE_SECONDS = 180  # nobody needs as long as this for the next window
_GAP_SECONDS = 0.03  # between windows, not within one
# As Kafka ships it: a broker that is kept from the cores for a moment must not be taken for dead in the middle.
PATIENT = {"broker.heartbeat.interval.ms": "2000", "broker.session.timeout.ms": "9000"}
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Kafka:
    """Where the broker is; its process where it was started here."""

    servers: str
    pid: int | None

    def cpu_seconds(self) -> float:
        """CPU that it has taken so far; not a number where it is not ours."""
        return cpu_seconds(self.pid) if self.pid else float("nan")


@contextmanager
def kafka() -> Iterator[Kafka]:
    """KAFKA_TEST_BOOTSTRAP_SERVERS where it is set, else one broker from jars."""
    if servers := os.environ.get("KAFKA_TEST_BOOTSTRAP_SERVERS"):
        yield Kafka(servers, None)
        return
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        ApacheKafka(kafka_jars(), Path(folder) / "kafka", properties=PATIENT, heap_mb=1024) as cluster,
    ):
        process = cluster.nodes[0].process
        yield Kafka(cluster.bootstrap_servers, process.pid if process else None)


class Stream:
    """Three topics, and the settings of a worker between them."""

    def __init__(self, servers: str, folder: Path) -> None:
        self.servers = servers
        self.folder = folder
        self.input = create_topic(servers, prefix="bench-in", partitions=PARTITIONS)
        self.renew()

    def renew(self) -> None:
        """A new group and new output topics on the same input."""
        self.output = create_topic(self.servers, prefix="bench-out", partitions=PARTITIONS)
        self.dead_letters = create_topic(self.servers, prefix="bench-dead", partitions=PARTITIONS)
        self.group = f"bench-{uuid.uuid4().hex[:8]}"

    def fill(self, texts: Sequence[str]) -> None:
        """Write the texts, in turns to every partition."""
        produce(
            self.servers,
            self.input,
            (
                NewRecord(orjson.dumps({"id": f"m-{n}", "text": text}), str(n).encode(), partition=n % PARTITIONS)
                for n, text in enumerate(texts)
            ),
        )

    def worker(self, module: str = "worker", /, threads: int = 1, **settings: object) -> WorkerProcess:
        """A worker that is not started yet, one process without an HTTP server unless `settings` say otherwise."""
        own: dict[str, object] = {
            "bootstrap_servers": self.servers,
            "input_topic": self.input,
            "output_topic": self.output,
            "dead_letter_topic": self.dead_letters,
            "group_id": self.group,
            "session_timeout_ms": 10_000,
        }
        alone = {"processes": 1, "http_port": 0}
        own |= {name: value for name, value in alone.items() if name in Settings.model_fields}
        worker = WorkerProcess(self.folder, module, **(own | settings))
        worker.environment["OMP_NUM_THREADS"] = str(threads)
        return worker


def drain(
    stream: Stream,
    workers: Sequence[WorkerProcess],
    records: int,
    seconds: float = math.inf,
    processes: int | None = None,
) -> float:
    """Records a second that the workers label of what lies there, once all of them are at work; as `rate` counts.

    `processes` are those of all workers together, where some have several.
    """
    with ExitStack() as stack:
        reader = stack.enter_context(RunningReader(stream.servers, stream.output))
        for worker in workers:
            stack.enter_context(worker)
        for worker in workers:  # what some do before all are there tells nothing
            worker.wait_until_ready()
        wait_for_members(stream, len(workers) if processes is None else processes)
        return rate(reader, records, lambda: check_alive(workers), seconds)


def rate(reader: RunningReader, records: int, alive: Callable[[], None], seconds: float = math.inf) -> float:
    """Records a second that reach a reader, from the first ones that it sees to the last, or to those after `seconds`.

    Args:
        reader: Of the output topic.
        records: How many will come.
        alive: Raises if nobody is left to write them.
        seconds: Enough to tell.

    Raises:
        AssertionError: Too many came at once, or none did for a long time.
    """

    def any_yet() -> bool:
        alive()
        return bool(reader.records)

    eventually(any_yet, _SILENCE_SECONDS, "the first labels", interval_s=0.01)
    started, first = _after_the_first(reader)
    if first > records * 0.6:
        raise AssertionError(
            f"{first} of {records} records came at once: stream more, so that there is a rate to measure"
        )
    last, count = started, first
    pause = threading.Event()
    while count < records and (count == first or time.perf_counter() - started < seconds):
        pause.wait(0.01)
        alive()
        now, seen = time.perf_counter(), len(reader.records)
        if seen > count:
            last, count = now, seen
        elif now - last > _SILENCE_SECONDS:
            raise AssertionError(f"nothing came after {count} of {records} records")
    return (count - first) / (last - started)


def _after_the_first(reader: RunningReader) -> tuple[float, int]:
    """When the first records were there, and how many: a window comes at once, and nothing of it may count."""
    started = at = time.perf_counter()
    count = len(reader.records)
    pause = threading.Event()
    while at - started < 10 * _GAP_SECONDS:  # some write one by one
        pause.wait(_GAP_SECONDS)
        if len(reader.records) == count:
            break
        at, count = time.perf_counter(), len(reader.records)
    return at, count


def wait_for_members(stream: Stream, count: int) -> None:
    """Until so many members of the group have partitions."""
    admin = AdminClient({"bootstrap.servers": stream.servers})

    def at_work() -> bool:
        group = admin.describe_consumer_groups([stream.group])[stream.group].result(30)
        return sum(bool(member.assignment.topic_partitions) for member in group.members) == count

    eventually(at_work, _SILENCE_SECONDS, f"{count} members of {stream.group} have partitions", interval_s=0.2)


def until_all(reader: RunningReader, records: int, alive: Callable[[], None]) -> None:
    """Wait for so many records, or raise AssertionError as `rate` does."""
    count, last = 0, time.monotonic()
    pause = threading.Event()
    while count < records:
        pause.wait(0.05)
        alive()
        if len(reader.records) > count:
            count, last = len(reader.records), time.monotonic()
        elif time.monotonic() - last > _SILENCE_SECONDS:
            raise AssertionError(f"nothing came after {count} of {records} records")


def check_alive(workers: Sequence[WorkerProcess]) -> None:
    """Raise AssertionError with the log of a worker that has ended."""
    for worker in workers:
        if (code := worker.process.poll()) is not None:
            raise AssertionError(f"a worker ended with {code}:\n{worker.log}")


def cpu_seconds(pid: int) -> float:
    """CPU that a process has taken so far, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """Memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
