"""Texts that do not stop while the stack is broken, and the labels that come of them, by another client."""

import json
import threading
from types import TracebackType

from confluent_kafka import KafkaError, Message, Producer

from tests.harness.independent import RunningReader, StoredRecord
from tests.stack.checker import Place

TEXTS, LABELS, DEAD_LETTERS = "text-messages", "emotion-labels", "emotion-dead-letters"
_WORDS = ("i am so happy that you came", "how dare they lie to us again", "i feel so lonely in this empty house")


class Stream:
    """Writes so many texts a second, and reads all committed labels, as long as it is open."""

    def __init__(self, servers: str, per_second: float) -> None:
        self.written: set[Place] = set()
        self._pause_s = 1 / per_second
        self._stop = threading.Event()
        # A text that was not acknowledged is sent until it is: brokers may be away for minutes.
        settings = {
            "bootstrap.servers": servers,
            "enable.idempotence": True,
            "message.timeout.ms": 600_000,
            "log_level": 0,
        }
        self._producer = Producer(settings | {"linger.ms": 20})
        self._reader = RunningReader(servers, LABELS)
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> "Stream":
        self._reader.__enter__()
        self._thread.start()
        return self

    def stop_writing(self) -> None:
        """Return once all that was written is acknowledged."""
        self._stop.set()
        self._thread.join()
        self._producer.flush(600)

    def labelled(self) -> int:
        """How many labels were read so far."""
        return len(self._reader.records)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._reader.__exit__(kind, error, trace)

    def _write(self) -> None:
        number = 0
        while not self._stop.wait(self._pause_s):
            value = json.dumps({"id": f"text-{number}", "text": f"{_WORDS[number % len(_WORDS)]} {number}"})
            self._producer.produce(TEXTS, value=value, key=f"{number % 97}", on_delivery=self._acknowledged)
            self._producer.poll(0)
            number += 1

    def _acknowledged(self, error: KafkaError | None, message: Message) -> None:
        partition, offset = message.partition(), message.offset()
        if error is None and partition is not None and offset is not None:
            self.written.add((partition, offset))


def origins(records: list[StoredRecord]) -> list[Place]:
    """The texts that labels say they are of, in the order in which they were read."""
    sources = [json.loads(record.value or b"{}")["source"] for record in records]
    return [(source["partition"], source["offset"]) for source in sources]
