"""`emotion-worker dead-letters show`: what could not be labelled, and why."""

import sys
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import islice

import orjson

from worker.flow import Record
from worker.kafka.clients import KafkaClients
from worker.kafka.topic_range import read_range, whole_topic
from worker.messages.read_dead_letter import Letter, read_letter
from worker.settings import Settings


@dataclass(frozen=True)
class Filters:
    """Which letters are meant; None means any."""

    reasons: Collection[str] | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    partitions: Collection[int] | None = None
    topic: str | None = None

    def take(self, letter: Letter) -> bool:
        """Whether this one is meant. `until_ms` itself is not."""
        return (
            (self.reasons is None or letter.reason in self.reasons)
            and (self.since_ms is None or letter.at_ms >= self.since_ms)
            and (self.until_ms is None or letter.at_ms < self.until_ms)
            and (self.partitions is None or letter.partition in self.partitions)
            and (self.topic is None or letter.topic == self.topic)
        )


def show(settings: Settings, filters: Filters, limit: int | None, with_value: bool) -> int:
    """Print a JSON line for each letter, in order within a partition; returns the exit code.

    Raises:
        UserError: The topic cannot be read.
    """
    clients, topic = KafkaClients(settings), settings.dead_letter_topic
    extent = whole_topic(clients, topic)
    shown_avro = _avro_reader(settings) if with_value and settings.input_format == "avro" else None
    letters = (read_letter(record) for record in read_range(clients, topic, extent))
    reasons: Counter[str] = Counter()
    for letter in islice((letter for letter in letters if letter is not None and filters.take(letter)), limit):
        sys.stdout.write(_line(letter, with_value, shown_avro) + "\n")
        reasons[letter.reason] += 1
    if sys.stdout.isatty():
        sys.stderr.writelines(f"{count:>8} {reason}\n" for reason, count in reasons.most_common())
    return 0


def _avro_reader(settings: Settings) -> Callable[[Record], str | None]:
    from worker.messages.avro_shown import ShownAvro

    return ShownAvro(settings)


def _line(letter: Letter, with_value: bool, shown_avro: Callable[[Record], str | None] | None) -> str:
    shown = {
        "origin": f"{letter.topic}-{letter.partition}-{letter.offset}",
        "reason": letter.reason,
        "detail": letter.detail,
        "at_ms": letter.at_ms,
        "key": _text(letter.record.key),
    }
    if letter.original_bytes is not None:
        shown["original_bytes"] = letter.original_bytes
    if letter.part is not None:
        shown["part"] = letter.part
    if with_value:
        as_json = shown_avro(letter.record) if shown_avro else None
        shown["value"] = _text(letter.record.value) if as_json is None else as_json
    return orjson.dumps(shown).decode()


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="backslashreplace")
