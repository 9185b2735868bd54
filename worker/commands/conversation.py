"""The demo's texts on their way: out to the input topic, and back from the output and the dead-letter topic."""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from worker.errors import UserError
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients

PARTITIONS = 4


@dataclass(frozen=True)
class Answer:
    """What came back for a text: a label, or the reason of a dead letter."""

    label: str | None = None
    labels: list[str] | None = None
    score: float | None = None
    confident: bool | None = None
    dead_letter: str | None = None

    def line(self, text: str) -> str:
        """Answer and text, for a terminal."""
        if self.dead_letter is not None:
            return f"{'dead letter':>11}        {text}  [{self.dead_letter}]"
        names = self.label if self.labels is None else ", ".join(self.labels) or "(none)"
        return f"{names:>11}  {self.score:.3f}  {text}"

    def fields(self) -> dict[str, object]:
        """The same, for the page."""
        return asdict(self)


@dataclass(frozen=True)
class SentText:
    """A text that was sent, and who waits for its answer."""

    text: bytes
    answer: "Future[Answer]" = field(default_factory=Future)
    sent_at: float = field(default_factory=time.monotonic)

    @property
    def age_seconds(self) -> float:
        """Since it was sent."""
        return time.monotonic() - self.sent_at


class Conversation:
    """Sends texts to the input topic and reads what comes back on the output and the dead-letter topic."""

    def __init__(self, clients: KafkaClients, input_topic: str, output_topic: str, dead_letter_topic: str) -> None:
        self.sent = self.labelled = self.dead_lettered = 0
        self._topic = input_topic
        self._dead_letter_topic = dead_letter_topic
        self._open: dict[bytes, SentText] = {}
        self._refused: list[Exception] = []
        self._producer = clients.producer(DEFAULT_MAX_MESSAGE_BYTES)
        self._reader = clients.reader([output_topic, dead_letter_topic])

    @property
    def open(self) -> int:
        """Messages without an answer yet."""
        return len(self._open)

    @property
    def open_seconds(self) -> float:
        """For how long the oldest of them has waited; 0 without any."""
        return next((text.age_seconds for text in self._open.values()), 0.0)

    def send(self, text: SentText) -> None:
        """Produce one message: the plain text, under its number as the key."""
        self.sent += 1
        key = str(self.sent).encode()
        self._open[key] = text
        future = self._producer.send(self._topic, key=key, value=text.text, partition=self.sent % PARTITIONS)
        future.add_errback(self._refused.append)

    def answers(self) -> Iterator[tuple[SentText, Answer]]:
        """What came back by now. Whoever waits for an answer has it.

        Raises:
            UserError: The brokers refused a message.
        """
        if self._refused:
            raise UserError(f"a message could not be sent: {self._refused[0]}")
        for partition, records in self._reader.poll(timeout_ms=100).items():
            for record in records:
                text = self._open.pop(record.key, None)
                if text is None:  # an answer for the second time, or to somebody else's message
                    continue
                answer = self._answer(partition.topic, record)
                text.answer.set_result(answer)
                yield text, answer

    def close(self) -> None:
        """Close both clients."""
        self._producer.close(timeout=1)
        self._reader.close()

    def _answer(self, topic: str, record: Any) -> Answer:
        if topic == self._dead_letter_topic:
            self.dead_lettered += 1
            return Answer(dead_letter=dict(record.headers)["dead-letter-reason"].decode())
        self.labelled += 1
        label = orjson.loads(record.value)
        return Answer(**{name: label[name] for name in ("label", "labels", "score", "confident")})
