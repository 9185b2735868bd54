"""`emotion-worker run --from … --until … --to …`: a part of the input labelled anew, to another topic."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import orjson
from tqdm import tqdm

from worker import loop
from worker.build import checked_topics, largest_message_bytes, make_sink, make_source, make_stages
from worker.commands.bounded_source import BoundedSource, own_group
from worker.commands.label_changes import Changes
from worker.errors import UserError
from worker.flow import Decoded, Outcome, Prediction, Record, Refusals, Rejected, Skipped, Tombstone
from worker.kafka.clients import KafkaClients
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.committed_outputs import find_visible
from worker.kafka.offset_spec import OffsetSpec
from worker.kafka.topic_range import TopicRange, find_range, group_offsets
from worker.kafka.topics import NAMED_BY, Topic
from worker.labelling import load_model, set_batch_tokens
from worker.messages.outcome_origin import BOUNDED_RUN_HEADER
from worker.messages.schema_registry import find_label_prefix
from worker.process.signals import stop_on_signals
from worker.service import arm_watchdog
from worker.settings import Settings, load_settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Relabel:
    """What is labelled anew, and where to. None stands for the default that the command's help gives."""

    first: OffsetSpec
    until: OffsetSpec
    to: str
    dead_letters: str | None = None
    group: str | None = None
    compare: str | None = None
    allow_live_topic: bool = False


@dataclass
class Counters:
    """What was delivered; twice where brokers undid a commit that they had acknowledged."""

    dead_letter_topic: str
    changes: Changes | None
    labelled: int = 0
    dead_lettered: int = 0
    tombstones: int = 0
    skipped: int = 0
    skipped_now: int = 0  # in the window at hand

    def decode(self, decode: Callable[[list[Record]], Decoded], records: list[Record]) -> Decoded:
        """Decode a window, and take note of what is skipped."""
        requests, others = decode(records)
        self.skipped_now = sum(isinstance(other, Skipped) for other in others)
        return requests, others

    def __call__(self, outcomes: Sequence[Outcome]) -> None:
        """Count a window that was delivered."""
        self.skipped += self.skipped_now
        for outcome in outcomes:
            if outcome.topic == self.dead_letter_topic:
                self.dead_lettered += 1
            elif outcome.value is None:
                self.tombstones += 1
            else:
                self.labelled += 1
                if self.changes is not None:
                    self.changes.count(outcome.value)

    def summary(self) -> dict[str, object]:
        """The figures; `records` is their sum."""
        counts = {
            "labelled": self.labelled,
            "dead_lettered": self.dead_lettered,
            "tombstones": self.tombstones,
            "skipped": self.skipped,
        }
        changes = {} if self.changes is None else self.changes.summary()
        return {"records": sum(counts.values())} | counts | changes


def relabel(live: Settings, wanted: Relabel) -> int:
    """Label a range and end; returns 0 if all of it is done, 1 if a signal came before.

    Args:
        live: The settings of the service, of which topics and group are replaced.
        wanted: The range, and where its labels go.

    Raises:
        UserError: A topic, a range or a model is missing, or the labels would mix with the live ones.
    """
    settings = own_settings(live, wanted)
    clients = KafkaClients(settings)
    topics = checked_topics(clients, settings, (NAMED_BY[0], "--to", "--dead-letters"))
    label_prefix = find_label_prefix(settings)
    extent = find_range(clients, settings.input_topic, wanted.first, wanted.until)
    extent = replace(extent, starts=group_offsets(clients, settings.group_id, extent, begin=True))
    changes = None if wanted.compare is None else Changes(clients, wanted.compare, extent)
    counters = Counters(settings.dead_letter_topic, changes)
    started = time.monotonic()
    finished = _label(clients, settings, topics, label_prefix, extent, counters)
    seconds = round(time.monotonic() - started, 1)
    figures = {"finished": finished} | counters.summary() | {"seconds": seconds, "group": settings.group_id}
    sys.stdout.write(orjson.dumps(figures).decode() + "\n")
    return 0 if finished else 1


def _label(
    clients: KafkaClients,
    settings: Settings,
    topics: Mapping[str, Topic],
    label_prefix: bytes,
    extent: TopicRange,
    counters: Counters,
) -> bool:
    """Run the loop over the range; gives whether it came to the end."""
    with stop_on_signals() as stop:  # a signal while the model is loaded counts as well
        model, tokenizer = load_model(settings)
        set_batch_tokens(model, settings)
        _log.info(
            "relabel_started", extra={"group": settings.group_id, "model": model.info.name, "offsets": extent.records}
        )
        smallest, refusals = largest_message_bytes(topics, settings), Refusals()
        consumer = clients.consumer()
        committed = CommittedOffsets(find_visible=partial(find_visible, clients, settings))
        with (
            tqdm(total=extent.records, unit=" records", disable=None) as progress,
            closing(make_source(settings, consumer, settings.input_topics, stop.wait, committed)) as unbounded,
            closing(make_sink(clients, settings, consumer, smallest, committed, refusals)) as sink,
        ):
            source = BoundedSource(unbounded, extent, progress.update)
            stages = make_stages(settings, topics, model, tokenizer, source, sink, refusals, label_prefix)
            encode = partial(_encode_with_run, stages.encode, settings.group_id)
            loop.run(
                replace(
                    stages,
                    decode=partial(counters.decode, stages.decode),
                    encode=encode,
                    circuit_breaker=partial(_count_and_check, counters, stages.circuit_breaker),
                ),
                lambda: stop.is_set() or source.finished,
                partial(arm_watchdog, settings.max_poll_interval_ms),
            )
    return source.finished


def _encode_with_run(
    encode: Callable[[list[Record], Iterable[Prediction | Rejected | Tombstone]], list[Outcome]],
    group_id: str,
    records: list[Record],
    answers: Iterable[Prediction | Rejected | Tombstone],
) -> list[Outcome]:
    outcomes = encode(records, answers)
    for outcome in outcomes:
        outcome.headers.append((BOUNDED_RUN_HEADER, group_id.encode()))
    return outcomes


def _count_and_check(
    counters: Counters, circuit_breaker: Callable[[list[Outcome]], None], outcomes: list[Outcome]
) -> None:
    counters(outcomes)
    circuit_breaker(outcomes)


def own_settings(live: Settings, wanted: Relabel) -> Settings:
    """The settings of the run, which takes nothing of the live service's output or group.

    Raises:
        UserError: It would.
    """
    if wanted.to == live.output_topic and not wanted.allow_live_topic:
        raise UserError(
            f"--to {wanted.to} is EMOTION_OUTPUT_TOPIC, whose readers would see every label a second time: name "
            "another topic, or say --allow-live-topic"
        )
    if len(live.input_topics) > 1:
        raise UserError("EMOTION_INPUT_TOPIC names several topics: set it to the one whose range is labelled again")
    if wanted.compare and live.split:
        raise UserError("--compare: with EMOTION_SPLIT a record has several labels, which have one offset")
    what = [live.input_topic, live.model, live.model_revision, wanted.first.text, wanted.until.text, wanted.to]
    own = {
        "output_topic": wanted.to,
        "dead_letter_topic": wanted.dead_letters or f"{wanted.to}-dead-letters",
        "group_id": own_group(live.group_id, "relabel", [*what, wanted.dead_letters], wanted.group),
        "group_instance_id": None,
        "review_topic": None,
        "delivery": "exactly_once",
    }
    return load_settings(**own)
