"""What the faults hit: three brokers behind proxies, the workers, and the stream through them."""

import contextlib
import random
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import torch
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from kafka import KafkaAdminClient
from transformers import BertForSequenceClassification, BertTokenizer

from tests.chaos.checker import History, Outcome, Place, Topic
from tests.chaos.stream import RECORD_ID, Feed, OffsetWatch, Reader, as_outcome
from tests.chaos.transactions import read_transactions
from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.faulty_worker import MODULE as FAULTY_WORKER
from tests.harness.faulty_worker import break_model
from tests.harness.independent import add_partitions, create_topic, make_topic_anew, read_topic, topic_id
from tests.harness.tiny_model import LABELS, write_tiny_model
from tests.harness.worker_process import START_SECONDS, WorkerProcess

Mode = Literal["exactly_once", "at_least_once"]
SESSION_SECONDS = 6
MAX_POLL_SECONDS = 2 * SESSION_SECONDS + 30  # the least that the worker takes
WINDOW = 100
BROKERS = 3
PARTITIONS = 6
_GROUP = "chaos"
_TIE = 1e-3
_BURST = 6_000
_LONG_WORDS = 60_000


class System:
    """A `with` block in which everything runs. `failures` are broken promises that no record shows."""

    def __init__(
        self, jars: Path, folder: Path, mode: Mode, *, workers: int, rate: int, seed: int, logs: Path | None = None
    ) -> None:
        self.mode = mode
        self.chance = random.Random(seed)  # noqa: S311 - a run is to be repeatable
        self.failures: list[str] = []
        self.restarts = 0  # of workers that ended by themselves
        self.workers: list[WorkerProcess] = []
        self.cluster = ApacheKafka(jars, folder / "kafka", brokers=BROKERS)
        self.proxies = {node.node_id: self.cluster.proxy(node.node_id) for node in self.cluster.nodes}
        self._wanted = workers
        self._ever_started: list[WorkerProcess] = []
        self._logs = logs
        self._rate = rate
        self._folder = folder
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._exits as exits:
            exits.enter_context(self.cluster)
            for proxy in self.proxies.values():
                exits.enter_context(proxy)
            servers = self.cluster.bootstrap_servers
            self.input, self.output, self.dead_letters = (
                create_topic(servers, prefix=prefix, partitions=PARTITIONS) for prefix in ("in", "out", "dead")
            )
            self._topics: dict[str, Topic] = {self.output: "labels", self.dead_letters: "dead_letters"}
            model = write_tiny_model(self._folder / "model")
            self._settings = {
                "bootstrap_servers": self.cluster.proxied_bootstrap_servers,
                "input_topic": self.input,
                "output_topic": self.output,
                "dead_letter_topic": self.dead_letters,
                "group_id": _GROUP,
                "model": model,
                "dtype": "float32",
                "delivery": self.mode,
                "session_timeout_ms": SESSION_SECONDS * 1000,
                "max_poll_interval_ms": MAX_POLL_SECONDS * 1000,
                "metadata_max_age_ms": 2000,
                "window_max_records": WINDOW,
            }
            self.feed = Feed(servers, self.input, PARTITIONS, labelled_texts(model), self._rate)
            self.reader = Reader(servers, self._topics, self.feed)
            self.offsets = OffsetWatch(servers, _GROUP, self.input, self.feed, topic_id(servers, self.input))
            exits.callback(self._kill_workers)
            for each in (self.reader, self.offsets, self.feed):
                exits.enter_context(each)
            self.start_workers(self._wanted)
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    # Workers

    def start_workers(self, count: int = 1) -> None:
        """Start so many more, and wait until each has partitions."""
        started = [self._start() for _ in range(count)]
        for worker in started:
            worker.wait_until_ready()
        self.workers += started

    def any_worker(self) -> WorkerProcess:
        return self.chance.choice(self.workers)

    def kill_worker(self, worker: WorkerProcess) -> None:
        """kill -9; nobody replaces it."""
        self.workers.remove(worker)
        worker.kill()

    def break_model(self, worker: WorkerProcess, how: str) -> None:
        """Its model hangs or throws from now on; the process ends itself and is replaced."""
        break_model(self._folder, worker.process.pid, how)

    def drain_worker(self, worker: WorkerProcess) -> None:
        """SIGTERM; it has to end with 0."""
        self.workers.remove(worker)
        if worker.process.poll() is None:
            worker.wait_until_ready()  # one that was just started knows no signal yet
        code = worker.terminate(START_SECONDS)
        if code != 0:
            self.fail(f"a worker ended with {code} on SIGTERM: {worker.log[-500:]}")

    def restart_ended(self) -> None:
        """What a supervisor does: workers that ended by themselves are replaced."""
        for worker in [each for each in self.workers if each.process.poll() is not None]:
            self.workers.remove(worker)
            self.restarts += 1
            say(f"a worker ended with {worker.process.returncode}: {worker.log[-1500:]}")
            self.workers.append(self._start())

    def fail(self, what: str) -> None:
        say(what)
        self.failures.append(what)

    # Brokers

    def any_broker(self) -> int:
        return self.chance.choice(self.cluster.nodes).node_id

    def restart_broker(self, node_id: int) -> None:
        """Start it, and wait until every replica is in sync: faults come one at a time."""
        self.cluster.restart(node_id)
        self.wait_in_sync()

    def wait_in_sync(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.cluster.bootstrap_servers, "log_level": 0})

        def in_sync() -> bool:
            try:
                topics = admin.list_topics(timeout=2).topics.values()
            except KafkaException:
                return False
            return all(len(p.isrs) == BROKERS for topic in topics for p in topic.partitions.values())

        eventually(in_sync, 120, "all replicas are in sync", interval_s=0.2)

    def group_coordinator(self) -> int:
        """The broker that leads the group's partition of the offsets."""
        admin = AdminClient({"bootstrap.servers": self.cluster.bootstrap_servers, "log_level": 0})
        partitions = admin.list_topics(timeout=10).topics["__consumer_offsets"].partitions
        return int(partitions[_java_hash(_GROUP) % len(partitions)].leader)

    def transaction_coordinator(self) -> int:
        """A broker that coordinates a transaction that is open now."""
        admin = KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap_servers.split(","))
        try:
            return eventually(
                lambda: next(
                    (node for node, found in admin.list_transactions(state_filters=["Ongoing"]).items() if found), 0
                ),
                30,
                "a transaction is open",
            )
        finally:
            admin.close()

    def add_partition(self) -> None:
        """One more of each topic; what is written to comes first."""
        total = self.feed.partitions + 1
        for topic in (self.output, self.dead_letters, self.input):
            add_partitions(self.cluster.bootstrap_servers, topic, total)
        self.reader.partitions = self.feed.partitions = total

    def make_input_anew(self) -> None:
        """Delete the input while workers have something to do, and make it again at once, with more than it had."""
        servers = self.cluster.bootstrap_servers

        def make() -> None:
            make_topic_anew(servers, self.input, self.feed.partitions)
            self.offsets.topic_ids.append(topic_id(servers, self.input))

        self.feed.make_topic_anew(self._place_all, make, _BURST)

    # Waiting

    def until(self, condition: Callable[[], object], seconds: float, what: str) -> float:
        """Wait, with ended workers restarted meanwhile; gives the seconds that it took. Too long is a failure."""
        started = time.monotonic()

        def asked() -> bool:
            self.restart_ended()
            return bool(condition())

        try:
            eventually(asked, seconds, what)
        except AssertionError as error:
            self.fail(str(error))
        return time.monotonic() - started

    def until_progress(self, seconds: float) -> float:
        """Wait until the reader has seen, in every partition, an outcome of a record acknowledged from now on."""
        ends = self.feed.ends()

        def missing() -> list[Place]:
            return [log for log, end in ends.items() if self.reader.furthest.get(log, -1) < end]

        return self.until(lambda: not missing(), seconds, "the reader sees new outcomes of every partition")

    def until_answered(self, first: int, seconds: float) -> int:
        """Wait until what is acknowledged by now has its outcomes, from `first` on; gives where to go on."""
        count = len(self.feed.acknowledged)
        state = {"next": first}

        def answered() -> bool:
            while state["next"] < count:
                place = self.feed.acknowledged[state["next"]].place
                if place not in self.reader.answered and place.topic == self.feed.topics - 1:  # else it is gone
                    break
                state["next"] += 1
            return state["next"] == count

        self.until(answered, seconds, f"outcomes of all {count} records")
        return count

    def finish(self) -> History:
        """End the stream, wait for its last outcomes and offsets, drain the workers; gives what was seen."""
        self.feed.stop()
        if self.feed.refused:
            self.fail(f"{len(self.feed.refused)} records were refused, such as {self.feed.refused[0]}")
        self._place_all()
        self.until_answered(0, 120)
        for worker in list(self.workers):
            self.drain_worker(worker)
        self.offsets.stop()
        self.offsets.look()
        final = self._read_all()
        self.until(lambda: len(self.reader.outcomes) >= len(final), 30, "the running reader is at the end")
        self.reader.stop()
        transactions = read_transactions(self.cluster.nodes[0].folder / "data", self._topics)
        say(f"{len(final)} outcomes, {len(transactions)} transactions' ranges, {len(self.offsets.commits)} commits")
        return History(
            produced=self.feed.acknowledged,
            read=self.reader.outcomes,
            final=final,
            commits=self.offsets.commits,
            transactions=transactions,
            topics=self.feed.topics,
        )

    def _place_all(self) -> None:
        """Find the places of records that were acknowledged without one, and of those that were written once more.

        A broker that was killed may take a batch that the stream's producer sends again for a new one; each copy is a
        record of the input like any other.
        """
        places = {record.place for record in self.feed.acknowledged}
        known = {record.id: record for record in (*self.feed.acknowledged, *self.feed.unplaced.values())}
        copies = 0
        for stored in read_topic(self.cluster.bootstrap_servers, self.input, timeout_s=300):
            place, value = Place(stored.partition, stored.offset, self.feed.topics - 1), stored.value or b""
            record = self.feed.unplaced.pop(value, None)
            if record is None and place not in places and (named := RECORD_ID.search(value)):
                record = known.get(named[1].decode())
                copies += record is not None
            if record is not None:
                self.feed.acknowledged.append(replace(record, place=place))
        if copies:
            say(f"{copies} records stand in the input twice: written again by the stream's own producer")
        if self.feed.unplaced:
            self.fail(f"{len(self.feed.unplaced)} acknowledged records are not in the input")

    def _read_all(self) -> list[Outcome]:
        return [
            as_outcome(topic, record, 0.0, self.feed)
            for name, topic in self._topics.items()
            for record in read_topic(self.cluster.bootstrap_servers, name, timeout_s=300)
        ]

    def _start(self) -> WorkerProcess:
        worker = WorkerProcess(self._folder, FAULTY_WORKER, **self._settings).start()
        self._ever_started.append(worker)
        return worker

    def _kill_workers(self) -> None:
        for worker in self._ever_started:
            if worker.process.poll() is None:
                worker.kill()
        if self._logs:
            self._keep_logs(self._logs)

    def _keep_logs(self, folder: Path) -> None:
        for number, worker in enumerate(self._ever_started, 1):
            (folder / f"{self.mode}-worker-{number}.log").write_text(worker.log, encoding="utf-8")
        for node in self.cluster.nodes:
            shutil.copyfile(node.log, folder / f"{self.mode}-broker-{node.node_id}.log")


def labelled_texts(model: Path, count: int = 400) -> list[tuple[str, frozenset[str]]]:
    """Texts and their offline labels, by the library and one at a time; of scores within 1e-3 each is right.

    The first text is long.
    """
    tokenizer = BertTokenizer.from_pretrained(model)
    network = BertForSequenceClassification.from_pretrained(model)
    network.train(False)
    chance = random.Random(3)  # noqa: S311 - the same texts in every run
    words = ["i", "feel", "so", "happy", "sad", "loved", "angry", "afraid", "amazed", "today", "the", "rain", "friend"]
    labelled = []
    for number in range(count):
        text = " ".join([str(number), *chance.choices(words, k=chance.randrange(2, 9) if number else _LONG_WORDS)])
        with torch.inference_mode():
            scores = network(**tokenizer(text, return_tensors="pt", truncation=True)).logits[0].softmax(0)
        best = (scores >= scores.max() - _TIE).nonzero().flatten().tolist()
        labelled.append((text, frozenset(LABELS[index] for index in best)))
    return labelled


def say(what: str) -> None:
    """A line on standard error; standard output is for the result."""
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _java_hash(text: str) -> int:
    """String.hashCode of Java, without its sign: where Kafka puts a group."""
    code = 0
    for letter in text:
        code = (code * 31 + ord(letter)) & 0xFFFFFFFF
    return code & 0x7FFFFFFF
