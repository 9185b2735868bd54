"""`emotion-worker demo`: a broker, a worker in its own process, messages in, labels out, and a page to look at."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from queue import Queue
from select import select

import orjson
from tqdm import tqdm

from worker.commands.conversation import PARTITIONS, Conversation, SentText
from worker.commands.demo_page import Address, DemoPage, demo_page
from worker.commands.demo_worker import WorkerProcess
from worker.commands.embedded_broker import embedded_broker
from worker.commands.scratch_topics import scratch_topics
from worker.errors import UserError
from worker.kafka.clients import KafkaClients
from worker.settings import Settings, variable
from worker.settings.listing import changed_settings

_AHEAD = 4096  # messages on their way at once: enough to keep the worker busy, little to keep in memory
_SILENCE_SECONDS = 120
_LINE_BYTES = 65_536
_OF_RECORDS = ("copy_fields", "only_if", "without_text", "split")  # plain texts have none of it
_SAMPLES = [
    b"i feel so lucky to have friends like you",
    b"Missed my train AGAIN and nobody even said sorry!!",
    b"can't stop smiling, she said yes",
    b"walking home alone in the dark, every noise makes me jump",
    b"i miss him, the house is so quiet now",
    b"wait, you two know each other?! I had no idea",
]


def demo(settings: Settings, file: Path | None, address: Address | None) -> int:
    """Run the demo; returns 0 only if every message came back.

    Args:
        settings: Of the worker.
        file: Texts, one a line.
        address: Where the page listens, until a signal; None: on this machine, as long as there is something to do.
    """
    _check(settings, file)
    with ExitStack() as stack:
        stop = stack.enter_context(_stopped_by_signals())
        page, url = stack.enter_context(demo_page(address or Address()))
        servers = settings.bootstrap_servers
        if servers is None:
            _say("starting an embedded broker")
            servers = stack.enter_context(embedded_broker())
        clients = KafkaClients(settings.model_copy(update={"bootstrap_servers": servers}))
        topics = stack.enter_context(scratch_topics(clients, "emotion-demo", PARTITIONS))
        _say("starting the worker: it loads the model and joins its group")
        worker = WorkerProcess(_worker_settings(settings, servers, topics))
        stack.callback(worker.stop)
        conversation = Conversation(clients, *topics)
        stack.callback(conversation.close)
        worker.wait_until_ready(stop)
        _say(f"look at {url}")
        _converse(_Stream(worker, conversation, page, stop), file, stays=address is not None)
        return 0 if conversation.open == 0 else 1


def _converse(stream: "_Stream", file: Path | None, stays: bool) -> None:
    started = time.monotonic()
    with file.open("rb") if file else nullcontext(_SAMPLES) as lines:
        stream.send(lines, show_progress=file is not None)
    seconds = time.monotonic() - started
    if file is None and sys.stdin.isatty() and sys.stdout.isatty():
        _say("type a sentence and press Enter; Ctrl-D ends")
        stream.stay(sys.stdin.fileno())
        return
    _summarize(stream.conversation, seconds)
    if stays:
        _say("Ctrl-C ends")
        stream.stay()


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Set by every signal that ends the demo. An exception anywhere could be lost, and leave broker and worker."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _check(settings: Settings, file: Path | None) -> None:
    if file is not None and (not file.exists() or file.is_dir()):
        raise UserError(f"--input: no such file: {file}")
    if settings.schema_registry_url:
        raise UserError("the demo would register its passing topics: unset EMOTION_SCHEMA_REGISTRY_URL")
    if others := changed_settings(settings).keys() & set(map(variable, _OF_RECORDS)):
        raise UserError(
            f"the demo sends plain texts, and waits for an answer to each: unset {', '.join(sorted(others))}"
        )


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
        "page": "false",
    }
    if settings.bootstrap_servers is None:
        # The embedded broker knows no transactions worth the name, and lets a new group wait half the session time-out.
        environment |= {"delivery": "at_least_once", "session_timeout_ms": "6000"}
    return {variable(name): value for name, value in environment.items()}


class _Stream:
    """Sends texts, those of pages too, and shows the answers as they come."""

    def __init__(
        self, worker: WorkerProcess, conversation: Conversation, page: DemoPage, stop: threading.Event
    ) -> None:
        self._worker = worker
        self._stop = stop
        self.conversation = conversation
        self._page = page
        self._heard_at = time.monotonic()

    def send(self, lines: Iterable[bytes], show_progress: bool = False) -> None:
        """Send every line, never more than `_AHEAD` before their answers; until all have one.

        Lines are read in a thread of their own: those of a pipe may be long in coming, and others want their answers.
        """
        read: Queue[bytes | None] = Queue(_AHEAD)
        threading.Thread(target=_read, args=(lines, read), name="lines", daemon=True).start()
        more = True
        with tqdm(unit=" texts", disable=None if show_progress else True) as progress:
            while (more or self.conversation.open) and not self._stop.is_set():
                while more and self.conversation.open < _AHEAD and not read.empty():
                    line = read.get()
                    more = line is not None
                    if line is not None:
                        self.conversation.send(SentText(line.rstrip(b"\r\n")))
                progress.update(self._turn())
                if self.conversation.open and time.monotonic() - self._heard_at > _SILENCE_SECONDS:
                    _say(f"no answer for {_SILENCE_SECONDS} s, {self.conversation.open} messages are open")
                    return

    def stay(self, terminal: int | None = None) -> None:
        """Send what is typed, on pages and on a terminal, until a signal or the terminal says that it is over."""
        while not self._stop.is_set():
            if terminal is not None and select([terminal], [], [], 0)[0]:
                line = os.read(terminal, _LINE_BYTES)  # a terminal gives a line at a time
                if not line:
                    self.send([])
                    return
                self.conversation.send(SentText(line.rstrip(b"\r\n")))
            self._turn()

    def _turn(self) -> int:
        """Gives how many answers came."""
        while not self._page.typed.empty():
            self.conversation.send(self._page.typed.get())
        count = 0
        for text, answer in self.conversation.answers():
            tqdm.write(answer.line(text.text.decode(errors="replace")))
            self._page.show(text, answer)
            count += 1
        sys.stdout.flush()  # whoever reads a pipe would wait for the next lines to see these
        if count or not self.conversation.open:
            self._heard_at = time.monotonic()
        self._page.refresh(self.conversation.open, self.conversation.open_seconds)
        self._worker.check()
        return count


def _read(lines: Iterable[bytes], into: "Queue[bytes | None]") -> None:
    """All lines, and None behind the last one."""
    for line in lines:
        into.put(line)
    into.put(None)


def _summarize(conversation: Conversation, seconds: float) -> None:
    answered = conversation.labelled + conversation.dead_lettered
    summary = {
        "sent": conversation.sent,
        "labelled": conversation.labelled,
        "dead_lettered": conversation.dead_lettered,
        "texts_per_s": round(answered / seconds, 1),
    }
    sys.stdout.write(orjson.dumps(summary).decode() + "\n")
    sys.stdout.flush()  # as the answers: the page may stay for long


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
