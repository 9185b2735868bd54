"""A real broker, topics full of texts, workers or peers between them, and how fast labels come out."""

import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.independent import NewRecord, RunningReader, create_topic, produce
from tests.harness.jars import kafka_jars
from tests.harness.worker_process import WorkerProcess
from worker.settings import Settings

PARTITIONS = 4
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
        ApacheKafka(kafka_jars(), Path(folder) / "kafka", heap_mb=1024) as cluster,
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


def drain(stream: Stream, workers: Sequence[WorkerProcess], records: int, timeout_s: float = 3600) -> float:
    """Records a second that the workers label of what lies there, once all of them are at work."""
    with ExitStack() as stack:
        reader = stack.enter_context(RunningReader(stream.servers, stream.output))
        for worker in workers:
            stack.enter_context(worker)
        for worker in workers:  # what some do before all are there tells nothing
            worker.wait_until_ready()
        return rate(reader, records, timeout_s, lambda: _alive(workers))


def rate(reader: RunningReader, records: int, timeout_s: float, alive: Callable[[], None]) -> float:
    """Records a second that reach a reader, from the first ones that it sees to the last.

    `alive` raises if nobody is left to write them.
    """

    def seen(wanted: int) -> bool:
        alive()
        return len(reader.records) >= wanted

    eventually(lambda: seen(1), timeout_s, "the first labels", interval_s=0.01)
    started, first = time.perf_counter(), len(reader.records)
    if first > records * 0.6:
        raise AssertionError(
            f"{first} of {records} records came at once: stream more, so that there is a rate to measure"
        )
    eventually(lambda: seen(records), timeout_s, f"{records} labels", interval_s=0.01)
    return (records - first) / (time.perf_counter() - started)


def _alive(workers: Sequence[WorkerProcess]) -> None:
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
