"""`emotion-worker dead-letters replay`: the originals of dead letters, sent again."""

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import orjson
from tqdm import tqdm

from schemas.dead_letter import Reason, without_letter
from worker import loop
from worker.build import make_sink, make_source
from worker.commands.bounded_source import BoundedSource, own_group
from worker.commands.dead_letters import Filters
from worker.errors import UserError
from worker.flow import Outcome, Record, Window
from worker.kafka.clients import DEFAULT_MAX_MESSAGE_BYTES, KafkaClients
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.committed_outputs import find_visible
from worker.kafka.topic_range import TopicRange, group_offsets, read_range, whole_topic
from worker.kafka.topics import Topic
from worker.messages.encode import batch_bytes
from worker.messages.read_dead_letter import Letter, read_letter
from worker.process.signals import stop_on_signals
from worker.service import arm_watchdog
from worker.settings import Settings


@dataclass(frozen=True)
class Replay:
    """What is sent again, and where to. None stands for the default that the command's help gives."""

    filters: Filters
    to: str | None = None
    group: str | None = None
    dry_run: bool = False


class NotReplayableError(Exception):
    """The original cannot be had from this letter; the message is the name that it is counted under."""


def replay(settings: Settings, wanted: Replay) -> int:
    """Send the originals of the letters that are there now; returns 0 if all are done, 1 if a signal came before.

    Raises:
        UserError: A topic is missing, or it may not be read or written.
    """
    settings, filters = _own_settings(settings, wanted), wanted.filters
    clients, target = KafkaClients(settings), wanted.to or settings.input_topic
    letters = settings.dead_letter_topic
    if wanted.to is None or len(settings.input_topics) > 1:
        filters = replace(filters, topic=target)
    with clients.admin() as admin:
        topics = admin.topics([letters, target])
    missing = [name for name in (letters, target) if name not in topics]
    if missing:
        raise UserError(f"topic {missing[0]} does not exist or this user may not see it")
    restorer = Restorer(filters, topics[target])
    extent = whole_topic(clients, letters)
    extent = replace(extent, starts=group_offsets(clients, settings.group_id, extent, begin=not wanted.dry_run))
    finished = True
    if wanted.dry_run:
        for record in read_range(clients, letters, extent):
            restorer.count(restorer.restore([record])[1])
    else:
        finished = _send(settings, clients, extent, restorer)
    figures = {"finished": finished, "dry_run": wanted.dry_run} | restorer.summary()
    sys.stdout.write(orjson.dumps(figures | {"to": target, "group": settings.group_id}).decode() + "\n")
    return 0 if finished else 1


class Restorer:
    """Turns letters back into what they were, and counts what became of them; twice where brokers undid a commit."""

    def __init__(self, filters: Filters, target: Topic) -> None:
        self._filters = filters
        self._target = target
        self.max_message_bytes = target.max_message_bytes or DEFAULT_MAX_MESSAGE_BYTES
        self._counts: Counter[str] = Counter()

    def restore(self, records: list[Record]) -> tuple[list[Outcome], Counter[str]]:
        """The originals of those letters that are meant, and the counts to be told to `count` once they are sent."""
        outcomes: list[Outcome] = []
        counts: Counter[str] = Counter()
        for index, record in enumerate(records):
            try:
                letter = read_letter(record)
                if letter is None:
                    raise NotReplayableError("no_dead_letter")
                if not self._filters.take(letter):
                    counts["filtered_out"] += 1
                    continue
                outcomes.append(self._original(index, letter))
                counts["replayed"] += 1
            except NotReplayableError as error:
                counts[str(error)] += 1
        return outcomes, counts

    def answer(self, window: Window) -> tuple[list[Outcome], Callable[[], object]]:
        """The originals of a window's letters, and what counts them once they are sent."""
        outcomes, counts = self.restore(window.records)
        return outcomes, partial(self.count, counts)

    def count(self, counts: Counter[str]) -> None:
        """These are sent."""
        self._counts += counts

    def summary(self) -> dict[str, object]:
        """The figures; `not_replayable` says why not."""
        why = {name: count for name, count in self._counts.items() if name not in ("replayed", "filtered_out")}
        return {
            "letters": self._counts.total(),
            "replayed": self._counts["replayed"],
            "filtered_out": self._counts["filtered_out"],
            "not_replayable": why,
        }

    def _original(self, index: int, letter: Letter) -> Outcome:
        record = letter.record
        if letter.original_bytes is not None:
            raise NotReplayableError("cut")
        if letter.reason == Reason.NULL_KEY_AND_VALUE:
            raise NotReplayableError("null_key_and_value")  # which the client cannot send
        # No label comes from an empty value: this was a tombstone.
        was_tombstone = letter.reason == Reason.LABEL_TOO_LARGE and not record.value
        outcome = Outcome(
            index,
            self._target.name,
            letter.partition % self._target.partitions,  # where it came from, if the target has that partition
            record.key,
            None if was_tombstone else record.value,
            [(name, value or b"") for name, value in without_letter(record.headers)],
            None,  # now: under the original's own time, retention could take it before it is read
        )
        if batch_bytes(outcome) > self.max_message_bytes:
            raise NotReplayableError("too_large")
        return outcome


def _send(settings: Settings, clients: KafkaClients, extent: TopicRange, restorer: Restorer) -> bool:
    consumer = clients.consumer()
    committed = CommittedOffsets(find_visible=partial(find_visible, clients, settings))
    with (
        stop_on_signals() as stop,
        tqdm(total=extent.records, unit=" letters", disable=None) as progress,
        closing(make_source(settings, consumer, [settings.dead_letter_topic], stop.wait, committed)) as letters,
        closing(make_sink(clients, settings, consumer, restorer.max_message_bytes, committed)) as sink,
    ):
        source = BoundedSource(letters, extent, progress.update)
        loop.deliver_windows(
            source,
            sink,
            restorer.answer,
            lambda: stop.is_set() or source.finished,
            partial(arm_watchdog, settings.max_poll_interval_ms),
        )
    return source.finished


def _own_settings(settings: Settings, wanted: Replay) -> Settings:
    if wanted.to in (settings.dead_letter_topic, settings.output_topic):
        raise UserError(f"--to {wanted.to}: originals belong on a topic of texts")
    if wanted.to not in settings.input_topics and len(settings.input_topics) > 1:
        raise UserError(
            "EMOTION_INPUT_TOPIC names several topics: name with --to the one whose originals are sent again"
        )
    filters = wanted.filters
    chosen = [sorted(filters.reasons or ()), filters.since_ms, filters.until_ms, sorted(filters.partitions or ())]
    what = [settings.dead_letter_topic, wanted.to or settings.input_topic, *chosen]
    group = own_group(settings.group_id, "replay", what, wanted.group)
    return settings.model_copy(update={"group_id": group, "group_instance_id": None, "delivery": "exactly_once"})
