"""Outcomes to Kafka, and the commit: the last step."""

import gc
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from kafka import KafkaConsumer
from kafka.errors import KafkaError, KafkaTimeoutError

from worker.errors import NotDeliveredError, OutcomesRefusedError, UserError
from worker.flow import Outcome, Partition, Refusals, Window
from worker.kafka.committed_offsets import CommittedOffsets, Written
from worker.kafka.delivery_errors import refused_for_good, translated_errors
from worker.kafka.patches.producer import RecordsRefusedError, UnnamedRefusalError, WindowProducer
from worker.kafka.records import to_commit

_log = logging.getLogger(__name__)


class Sink:
    """Delivers windows: at least once, or exactly once in one transaction each.

    After any failure the producer is thrown away. What it still holds, or has promised to a transaction, must not
    reach the next window; a new one with the same transactional id also settles a transaction whose end is unknown,
    and then ends what brokers may have left open of it: committed if it was told to be and the next one has not begun,
    else aborted. What came of it `committed` finds out.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        make_producer: Callable[[], WindowProducer],
        exactly_once: bool,
        timeout_seconds: float,
        committed: CommittedOffsets,
        refusals: Refusals | None = None,
    ) -> None:
        """Make the first producer.

        Args:
            consumer: The one whose positions are committed.
            make_producer: Called now and after each failure; for `exactly_once` it makes a transactional one.
            exactly_once: Commit labels, dead letters and offsets in one transaction.
            timeout_seconds: How long the brokers may take to acknowledge a window's outcomes.
            committed: Told what was committed, and what may not have been.
            refusals: Told what brokers do not take, so that another outcome is made of it; None: that ends the worker.

        Raises:
            UserError: The producer may not work here.
            NotDeliveredError: It could not be made now.
        """
        self._consumer = consumer
        self._make_producer = make_producer
        self._exactly_once = exactly_once
        self._timeout_seconds = timeout_seconds
        self._committed = committed
        self._singly = False  # whether each outcome has a batch of its own, to learn which one is refused
        self._refusals = refusals
        self._proven = False  # whether this producer has delivered anything
        self._producer: WindowProducer | None = None
        self._output_ids: dict[str, object] = {}
        self._written: set[Partition] = set()
        self._touched: set[Partition] = set()  # by the last transaction
        self._is_committed = False  # the last transaction that the brokers took anything into, as far as anybody told
        with translated_errors():
            self._open()

    def settle(self) -> None:
        """Make sure of a producer. A new one ends the transactions of the last one, and with them what is committed.

        Raises:
            NotDeliveredError: It could not be made now.
            UserError: The producer may not work here.
        """
        if self._producer is None:
            gc.collect()  # a client that could not start keeps its sockets until then
            with self._closed_on_failure():
                self._open()

    def deliver(self, window: Window, outcomes: list[Outcome]) -> None:
        """Send `outcomes` and commit the window's next offsets. After a failure `settle` comes first.

        Raises:
            NotDeliveredError: As far as is known nothing was committed. The window must be read again.
            UserError: It can never succeed like this.
        """
        if self._producer is None:
            raise RuntimeError("a failed delivery was not settled")
        with self._closed_on_failure():
            self._deliver(self._producer, window, outcomes)

    def close(self) -> None:
        """Throw the producer away; everything that counts was delivered before."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=1)
        except KafkaError as error:
            _log.warning("producer_close_failed", extra={"error": type(error).__name__})
            producer.abandon()

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            with translated_errors():
                yield
        except NotDeliveredError:
            self.close()
            raise

    def _open(self) -> None:
        self._producer = producer = self._make_producer()
        self._proven = False
        if self._exactly_once:
            producer.init_transactions()
            if self._written:
                there = {p for p in self._written if p.number in _partitions(producer, p.topic)}
                if elsewhere := there - self._touched:  # committed before the last one began, or nothing is open
                    producer.end_what_is_open(elsewhere, None, commit=True)
                group = self._consumer.group_metadata()
                producer.end_what_is_open(there & self._touched, group, self._is_committed)

    def _deliver(self, producer: WindowProducer, window: Window, outcomes: list[Outcome]) -> None:
        self._check_membership(window)
        window.topic_ids()  # before anything goes out for a topic that is not there any more
        if self._exactly_once:
            written = self._deliver_in_transaction(producer, window, outcomes)
        else:
            written = self._send(producer, window, outcomes)
            self._check_membership(window)
            self._commit(window, window.next_offsets)
        self._committed.add(window.next_offsets, written)
        self._proven, self._singly = True, False
        self._forget_refusals(window.next_offsets)

    def _deliver_in_transaction(
        self, producer: WindowProducer, window: Window, outcomes: list[Outcome]
    ) -> list[Written]:
        written: list[Written] = []
        producer.begin_transaction()
        try:
            written = self._send(producer, window, outcomes)
            self._check_membership(window)
            producer.send_offsets_to_transaction(to_commit(window.next_offsets, window.topic_ids()), window.membership)
            producer.commit_transaction()
        except (KafkaError, NotDeliveredError):  # after any other the process ends
            # Brokers that forgot the markers of the last transaction have it open still. As long as they have taken
            # nothing of this one it can be committed; from then on both end alike.
            self._is_committed &= not producer.has_begun
            self._committed.doubt(window.next_offsets, written)
            raise
        self._is_committed = True
        return written

    def _check_membership(self, window: Window) -> None:
        # The broker refuses offsets of an old generation, but the client cannot be trusted to name a generation at all
        # once it has lost the group.
        if self._consumer.group_metadata() != window.membership:
            raise NotDeliveredError("the group moved on while the window was being labelled")

    def _send(self, producer: WindowProducer, window: Window, outcomes: list[Outcome]) -> list[Written]:
        """Send, and wait until all in-sync replicas have it. Returns the last outcome in each partition."""
        places: defaultdict[tuple[str, int], list[Outcome]] = defaultdict(list)
        for outcome in outcomes:
            places[outcome.topic, outcome.partition].append(outcome)
        groups = {Partition(*place): there for place, there in places.items()}
        for topic, partition in groups:
            self._check_partition(producer, topic, partition)
            self._note_topic(producer, topic)
        self._touched = set(groups)
        self._written |= self._touched
        try:
            return list(producer.deliver(groups, self._timeout_seconds, self._singly).items())
        except UnnamedRefusalError as error:
            self._singly = True
            raise OutcomesRefusedError(f"the brokers refuse one of several outcomes: {error}") from error
        except RecordsRefusedError as error:
            refused = [(groups[partition][place], words) for (partition, place), words in error.refused.items()]
            self._remember(window, refused)
            if not self._exactly_once:
                self._commit_taken(window, groups, error.taken)
            raise OutcomesRefusedError(f"the brokers refuse outcomes: {error}") from error

    def _remember(self, window: Window, refused: list[tuple[Outcome, str]]) -> None:
        """Let another outcome be made of each, by what brokers said of it.

        Raises:
            UserError: That was tried, or cannot be.
        """
        for outcome, words in refused:
            key = Refusals.key(outcome.topic, window.records[outcome.index])
            if self._refusals is None or key in self._refusals:
                raise refused_for_good(outcome.topic, words)
            self._refusals[key] = words

    def _commit_taken(
        self, window: Window, groups: dict[Partition, list[Outcome]], taken: Mapping[Partition, int]
    ) -> None:
        """Commit what the brokers have of a window that failed: at least once need not say it twice."""
        missing: dict[Partition, int] = {}
        for target, outcomes in groups.items():
            for outcome in outcomes[taken[target] :]:
                origin = window.records[outcome.index].origin
                source = Partition(origin.topic, origin.partition)
                missing[source] = min(missing.get(source, origin.offset), origin.offset)
        self._check_membership(window)
        offsets = {partition: missing.get(partition, offset) for partition, offset in window.next_offsets.items()}
        self._commit(window, offsets)
        self._committed.add(offsets)
        self._forget_refusals(offsets)

    def _forget_refusals(self, committed: Mapping[Partition, int]) -> None:
        """Of records that are answered, or that others answer."""
        if self._refusals:
            owned = {Partition(p.topic, p.partition) for p in self._consumer.assignment()}
            for key in list(self._refusals):
                _, topic, number, offset, _ = key
                partition = Partition(topic, number)
                if partition not in owned or offset < committed.get(partition, 0):
                    del self._refusals[key]

    def _commit(self, window: Window, offsets: Mapping[Partition, int]) -> None:
        self._consumer.commit(to_commit(offsets, window.topic_ids()), timeout_ms=int(self._timeout_seconds * 1000))

    def _check_partition(self, producer: WindowProducer, topic: str, partition: int) -> None:
        if partition not in _partitions(producer, topic):
            problem = f"topic {topic} has no partition {partition}"
            if self._proven:  # the input has grown; the output may have too, and a new producer will know
                raise NotDeliveredError(problem)
            raise UserError(f"{problem}, but the input topic has: give it at least as many partitions")

    def _note_topic(self, producer: WindowProducer, topic: str) -> None:
        """An output that was made anew is written to all the same: say what went with the old one."""
        before, now = self._output_ids.get(topic), producer.topic_id(topic)
        if before is not None and now != before:
            _log.warning("topic_made_anew", extra={"topic": topic})
        self._output_ids[topic] = now


def _partitions(producer: WindowProducer, topic: str) -> set[int]:
    try:
        found: set[int] = producer.partitions_for(topic)
    except KafkaTimeoutError as error:
        raise NotDeliveredError(
            f"the brokers say nothing of topic {topic}: they are away, or it was deleted"
        ) from error
    return found
