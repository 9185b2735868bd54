"""`emotion-worker run --challenger MODEL`: another model beside the live workers, and where it labels otherwise.

It is driven by the live labels: its group reads the output topic, and the text of each label is looked up where the
label says that it lies. So it is never ahead of the live workers, and waits for no label that does not come.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import orjson
from tqdm import tqdm

from worker import build, loop
from worker.commands.bounded_source import BoundedSource
from worker.commands.challenge_parts import (
    WindowAtHand,
    checked_challenge_topics,
    load_challenger,
    make_challenge_stages,
)
from worker.commands.challenge_settings import Challenge, own_settings
from worker.commands.challenge_summary import ChallengeSummary
from worker.flow import (
    Answer,
    Batch,
    Outcome,
    Prediction,
    Record,
    Rejected,
    Reviews,
)
from worker.kafka.answered_offsets import find_answered
from worker.kafka.clients import KafkaClients
from worker.kafka.committed_offsets import CommittedOffsets, FindAnswered
from worker.kafka.committed_outputs import find_visible
from worker.kafka.hanging_transactions import end_hanging_transactions
from worker.kafka.key_share import share_of
from worker.kafka.source import Source
from worker.kafka.text_finder import TextFinder
from worker.kafka.topic_range import TopicRange, find_range, group_offsets
from worker.labelling import log_hints, warm_up
from worker.messages.answered import AnsweredSource
from worker.messages.comparison import Unmatched
from worker.messages.outcome_origin import read_disagreement
from worker.messages.schema_registry import label_reader
from worker.observe.challenge_counter import OF_CHALLENGER, ChallengeCounter
from worker.observe.health import Heartbeat
from worker.observe.instrumentation import Instrumentation
from worker.observe.metrics import Meters, Registry
from worker.process.memory import set_aside
from worker.process.signals import stop_on_signals
from worker.service import answered, arm_watchdog
from worker.settings import Settings
from worker.supervisor import observed

if TYPE_CHECKING:
    from worker.model.model import Model

_log = logging.getLogger(__name__)


def challenge(wanted: Challenge) -> int:
    """Compare until told to stop, or up to the end of the range; returns 0, or 1 if a signal came before that end.

    Raises:
        UserError: A topic, a right, a range or a model is missing, or something would be taken of the live workers.
    """
    settings, texts = own_settings(wanted)
    stop, heartbeat, registry = threading.Event(), Heartbeat(), Registry()
    with observed(settings, [heartbeat], stop, registry):
        meters = Meters("loop", registry, OF_CHALLENGER)
        run = _Run(settings, texts, wanted, stop, meters, heartbeat)
        finished = run.run()
    figures = {"finished": finished} | run.summary.figures() | {"group": settings.group_id}
    sys.stdout.write(orjson.dumps(figures).decode() + "\n")
    return 1 if finished is False else 0


@dataclass
class _Run:
    """One run, from its start to its summary."""

    settings: Settings
    texts: Sequence[str]
    wanted: Challenge
    stop: threading.Event
    meters: Meters
    heartbeat: Heartbeat
    summary: ChallengeSummary = field(default_factory=ChallengeSummary)
    at_hand: WindowAtHand = field(default_factory=WindowAtHand)

    def run(self) -> bool | None:
        """Gives whether it came to the end of the range; None where there is none."""
        settings, stop = self.settings, self.stop
        clients = KafkaClients(settings)
        topics = answered(partial(checked_challenge_topics, clients, settings, self.texts), stop)
        extent = self._extent(clients)
        model, tokenizer = load_challenger(settings)  # before the group is joined
        warm_up(model, settings)
        smallest = build.largest_message_bytes(topics, settings)
        consumer = answered(clients.consumer, stop)
        committed, source = self._source(clients, consumer, model, extent)
        make_sink = partial(build.make_sink, clients, settings, consumer, smallest, committed, self.at_hand.refusals)
        with (
            closing(source),
            closing(answered(partial(TextFinder, clients), stop)) as finder,
            closing(answered(make_sink, stop)) as sink,
            self._bounded(source, extent) as (labels, ended),
            stop_on_signals(stop),
        ):
            log_hints(tokenizer)
            self._log_start(model)
            make = partial(make_challenge_stages, settings, topics, (model, tokenizer), self.at_hand)
            stages = make(self._answered(labels, finder), sink, is_bounded=extent is not None)
            loop.run(self._observed(stages, source, model), lambda: stop.is_set() or bool(ended()), self._turn)
            _log.info("challenge_stopped")
            return ended()

    def _extent(self, clients: KafkaClients) -> TopicRange | None:
        first, until = self.wanted.first, self.wanted.until
        if first is None or until is None:
            return None
        extent = find_range(clients, self.settings.input_topic, first, until)
        return replace(extent, starts=group_offsets(clients, self.settings.group_id, extent, begin=True))

    def _source(
        self, clients: KafkaClients, consumer: object, model: "Model", extent: TopicRange | None
    ) -> tuple[CommittedOffsets, Source]:
        settings = self.settings
        unblock = partial(end_hanging_transactions, clients, settings)
        unblock()
        read = partial(read_disagreement, model.info)
        found: FindAnswered = partial(find_answered, clients, settings, read) if extent is None else lambda _: {}
        committed = CommittedOffsets(found, partial(find_visible, clients, settings))
        labels = (settings.input_topic,)
        return committed, build.make_source(settings, consumer, labels, self.stop.wait, committed, unblock, found)

    @contextmanager
    def _bounded(
        self, source: Source, extent: TopicRange | None
    ) -> Iterator[tuple[loop.Source, Callable[[], bool | None]]]:
        if extent is None:
            yield source, lambda: None
            return
        with tqdm(total=extent.records, unit=" labels", disable=None) as progress:
            bounded = BoundedSource(source, extent, progress.update)
            yield bounded, lambda: bounded.finished

    def _answered(self, labels: loop.Source, finder: TextFinder) -> AnsweredSource:
        # From the upper end: a canary that takes a share takes the lower one, and the two should not be the same keys.
        least = 1 - self.wanted.share
        return AnsweredSource(
            labels,
            label_reader(self.settings),
            finder,
            self.texts,
            lambda record: share_of(record) >= least,
            self.at_hand.comparison,
            2 * self.settings.window_max_records,
            self.stop.wait,
        )

    def _drawn(
        self, review: loop.Review, records: list[Record], answers: Sequence[Answer], outcomes: list[Outcome]
    ) -> Reviews:
        self.at_hand.reviews = review(records, answers, outcomes)
        return self.at_hand.reviews

    def _predict(
        self, predict: Callable[[Iterable[Batch]], Iterable[Prediction | Rejected]], batches: Iterable[Batch]
    ) -> list[Prediction | Rejected]:
        started = time.perf_counter()
        answers = list(predict(batches))
        self.summary.predicted(len(answers), time.perf_counter() - started)
        return answers

    def _observed(self, stages: loop.Stages, source: Source, model: "Model") -> loop.Stages:
        stages = replace(
            stages, predict=partial(self._predict, stages.predict), review=partial(self._drawn, stages.review)
        )
        counter = ChallengeCounter(self.meters, model, [reason.value for reason in Unmatched])
        longest_seconds = self.settings.longest_turn_ms / 1000
        instrumentation = Instrumentation(stages, source, counter, self.meters, self.heartbeat, longest_seconds)
        set_aside()
        return replace(instrumentation.stages(), circuit_breaker=partial(self._count, counter))

    def _count(self, counter: ChallengeCounter, _: list[Outcome]) -> None:
        """The window at hand was delivered."""
        counter.compare(self.at_hand.comparison)
        self.summary.add(self.at_hand.comparison, self.at_hand.reviews)

    def _turn(self) -> None:
        arm_watchdog(self.settings.max_poll_interval_ms)

    def _log_start(self, model: "Model") -> None:
        _log.info(
            "challenge_started",
            extra={
                "group": self.settings.group_id,
                "topic": self.settings.output_topic,
                "model": model.info.name,
                "revision": model.info.revision,
                "device": str(model.device),
                "dtype": str(model.dtype),
                "share": self.wanted.share,
            },
        )
