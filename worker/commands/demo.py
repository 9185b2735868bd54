"""`emotion-worker demo`: a broker, a worker in its own process, messages in, labels out."""

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import orjson
from tqdm import tqdm

from worker.commands.embedded_broker import embedded_broker
from worker.commands.scratch_topics import scratch_topics
from worker.errors import UserError
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients
from worker.settings import Settings, variable
from worker.settings.listing import changed_settings

_PARTITIONS = 4
_AHEAD = 4096  # messages on their way at once: enough to keep the worker busy, little to keep in memory
_SILENCE_SECONDS = 120
_STOP_SECONDS = 60
_OF_RECORDS = ("copy_fields", "only_if", "without_text", "split")  # plain texts have none of it
_SAMPLES = [
    b"i feel so lucky to have friends like you",
    b"Missed my train AGAIN and nobody even said sorry!!",
    b"can't stop smiling, she said yes",
    b"walking home alone in the dark, every noise makes me jump",
    b"i miss him, the house is so quiet now",
    b"wait, you two know each other?! I had no idea",
]


class Conversation:
    """Sends texts to the input topic and reads what comes back on the output and the dead-letter topic."""

    def __init__(self, clients: KafkaClients, input_topic: str, output_topic: str, dead_letter_topic: str) -> None:
        self.sent = self.labelled = self.dead_lettered = 0
        self._topic = input_topic
        self._dead_letter_topic = dead_letter_topic
        self._texts: dict[bytes, bytes] = {}
        self._refused: list[Exception] = []
        self._producer = clients.producer(DEFAULT_MAX_MESSAGE_BYTES)
        self._reader = clients.reader([output_topic, dead_letter_topic])

    @property
    def open(self) -> int:
        """Messages without an answer yet."""
        return len(self._texts)

    def send(self, text: bytes) -> None:
        """Produce one message: the plain text, under its number as the key."""
        self.sent += 1
        key = str(self.sent).encode()
        self._texts[key] = text
        future = self._producer.send(self._topic, key=key, value=text, partition=self.sent % _PARTITIONS)
        future.add_errback(self._refused.append)

    def answers(self) -> Iterator[str]:
        """Lines for what came back by now.

        Raises:
            UserError: The brokers refused a message.
        """
        if self._refused:
            raise UserError(f"a message could not be sent: {self._refused[0]}")
        for records in self._reader.poll(timeout_ms=100).values():
            for record in records:
                text = self._texts.pop(record.key, None)
                if text is None:  # an answer for the second time, or to somebody else's message
                    continue
                shown = text.decode(errors="replace")
                if record.topic == self._dead_letter_topic:
                    self.dead_lettered += 1
                    reason = dict(record.headers)["dead-letter-reason"].decode()
                    yield f"{'dead letter':>11}        {shown}  [{reason}]"
                else:
                    self.labelled += 1
                    label = orjson.loads(record.value)
                    names = label["label"] if label["labels"] is None else ", ".join(label["labels"]) or "(none)"
                    yield f"{names:>11}  {label['score']:.3f}  {shown}"

    def close(self) -> None:
        """Close both clients."""
        self._producer.close(timeout=1)
        self._reader.close()


class WorkerProcess:
    """`emotion-worker run` in its own process; its log is kept and shown only if it fails."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "worker", "run"],
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._log: deque[str] = deque(maxlen=200)
        self._ready = threading.Event()
        self._drain = threading.Thread(target=self._read_log, daemon=True)
        self._drain.start()

    def wait_until_ready(self) -> None:
        """Wait until it has partitions to read."""
        while not self._ready.wait(0.1):
            self.check()

    def check(self) -> None:
        """Raise UserError with its log if it is no longer running."""
        if self._process.poll() is not None:
            self._drain.join(1)
            raise UserError(f"the worker ended with exit code {self._process.returncode}:\n{''.join(self._log)}")

    def stop(self) -> None:
        """Let it finish its window and leave."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read_log(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it is a pipe
        for line in self._process.stderr:
            self._log.append(line)
            if "partitions_assigned" in line:
                self._ready.set()


def demo(settings: Settings, file: Path | None) -> int:
    """Run the demo; returns 0 only if every message came back."""
    if file is not None and (not file.exists() or file.is_dir()):
        raise UserError(f"--input: no such file: {file}")
    if settings.schema_registry_url:
        raise UserError("the demo would register its passing topics: unset EMOTION_SCHEMA_REGISTRY_URL")
    if others := changed_settings(settings).keys() & set(map(variable, _OF_RECORDS)):
        raise UserError(
            f"the demo sends plain texts, and waits for an answer to each: unset {', '.join(sorted(others))}"
        )
    with ExitStack() as stack:
        servers = settings.bootstrap_servers
        if servers is None:
            _say("starting an embedded broker")
            servers = stack.enter_context(embedded_broker())
        clients = KafkaClients(settings.model_copy(update={"bootstrap_servers": servers}))
        topics = stack.enter_context(scratch_topics(clients, "emotion-demo", _PARTITIONS))
        _say("starting the worker: it loads the model and joins its group")
        worker = WorkerProcess(_worker_settings(settings, servers, topics))
        stack.callback(worker.stop)
        conversation = Conversation(clients, *topics)
        stack.callback(conversation.close)
        worker.wait_until_ready()
        interactive = file is None and sys.stdin.isatty() and sys.stdout.isatty()
        started = time.monotonic()
        with file.open("rb") if file else nullcontext(_SAMPLES) as lines:
            _stream(worker, conversation, lines, _AHEAD, show_progress=file is not None)
        seconds = time.monotonic() - started
        if interactive:
            _say("type a sentence and press Enter; Ctrl-D ends")
            _stream(worker, conversation, sys.stdin.buffer, 1, show_progress=False)
        else:
            _summarize(conversation, seconds)
        return 0 if conversation.open == 0 else 1


def _worker_settings(settings: Settings, servers: str, topics: list[str]) -> dict[str, str]:
    environment = {
        "bootstrap_servers": servers,
        "input_topic": topics[0],
        "output_topic": topics[1],
        "dead_letter_topic": topics[2],
        "review_topic": "",  # unset
        "group_id": topics[0],
        "input_format": "text",
        "start_offset": "earliest",
        "processes": "1",
        "http_port": "0",
    }
    if settings.bootstrap_servers is None:
        # The embedded broker knows no transactions worth the name, and lets a new group wait half the session time-out.
        environment |= {"delivery": "at_least_once", "session_timeout_ms": "6000"}
    return {variable(name): value for name, value in environment.items()}


def _stream(
    worker: WorkerProcess, conversation: Conversation, lines: Iterable[bytes], ahead: int, show_progress: bool
) -> None:
    """Send every line, never more than `ahead` before their answers, and print the answers as they come."""
    lines = iter(lines)
    more = True
    last_answer = time.monotonic()
    with tqdm(unit=" texts", disable=None if show_progress else True) as progress:
        while more or conversation.open:
            while more and conversation.open < ahead:
                line = next(lines, None)
                more = line is not None
                if line is not None:
                    conversation.send(line.rstrip(b"\r\n"))
                    last_answer = time.monotonic()  # nobody owes one while we wait for a line
            for answer in conversation.answers():
                tqdm.write(answer)
                progress.update()
                last_answer = time.monotonic()
            worker.check()
            if conversation.open and time.monotonic() - last_answer > _SILENCE_SECONDS:
                _say(f"no answer for {_SILENCE_SECONDS} s, {conversation.open} messages are open")
                return


def _summarize(conversation: Conversation, seconds: float) -> None:
    answered = conversation.labelled + conversation.dead_lettered
    summary = {
        "sent": conversation.sent,
        "labelled": conversation.labelled,
        "dead_lettered": conversation.dead_lettered,
        "texts_per_s": round(answered / seconds, 1),
    }
    sys.stdout.write(orjson.dumps(summary).decode() + "\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
