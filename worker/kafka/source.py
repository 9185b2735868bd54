"""Kafka to windows."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, starmap

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    IllegalStateError,
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RetriableError,
    SaslAuthenticationFailedError,
)
from kafka.structs import MemberState

from worker.errors import UserError
from worker.flow import Partition, Record, SourceStatus, Window
from worker.kafka.fatal_errors import GROUP_ERRORS, authentication_error, authorization_error, group_error
from worker.kafka.lag import LagWatch
from worker.kafka.patches.fetching import has_buffered_records
from worker.kafka.patches.truncation import is_of_left_positions
from worker.kafka.records import size_bytes, to_records
from worker.kafka.start_offsets import StartOffsets
from worker.kafka.topic_ids import LOOKUP_MS
from worker.kafka.window_size import WindowSizer
from worker.process.memory import give_back

_log = logging.getLogger(__name__)

_POLL_MS = 500
_GATHER_MS = 5  # a poll returns what one partition has; a full window takes several, and an idle one must not wait
_WINDOW_BYTES = 4 << 20  # a text is in memory several times: as fetched, as bytes, as characters of up to four bytes
_CONFIRM_SECONDS = 10
_SILENCE_SECONDS = 5  # a poll does not say whether there is nothing or nobody
_BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_NOTHING = Window([], {}, None)

_Membership = tuple[int, str, frozenset[TopicPartition]]  # generation, member, partitions


class Source:
    """Gathers windows of one generation of the consumer group.

    A position is trusted within a generation only. Whenever the membership changed, every owned partition is set back
    to its committed offset, so that work which was dropped is read again and work that others did is not.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        topics: Sequence[str],
        sizer: WindowSizer,
        starts: StartOffsets,
        wait: Callable[[float], object],
    ) -> None:
        """Subscribe.

        Args:
            consumer: With auto-commit off and no offset reset.
            topics: The input topics.
            sizer: Says how many records the next window may hold.
            starts: Finds where a partition is read from.
            wait: Sleeps that many seconds, less if the worker is told to stop.
        """
        self._consumer = consumer
        self._topics = topics
        self._sizer = sizer
        self._starts = starts
        self._wait = wait
        self._membership: _Membership | None = None
        self._delivered: dict[Partition, int] = {}
        self._readable_ends: Mapping[TopicPartition, int] = {}
        self._lags = LagWatch(consumer, starts.committed)
        self._generation = -1
        self._generations = self._input_partitions = self._bytes = 0  # the bytes of the last window
        self._failures = self._undelivered = 0  # in a row
        self._awaits_delivery = False
        self._is_static = consumer.config["group_instance_id"] is not None
        self._confirmed = self._heard = time.monotonic()
        consumer.subscribe(list(topics))

    def poll(self) -> Window:
        """Wait up to half a second for records, then gather what is there.

        To ask again says that the last window was delivered; after a failure call `rewind` first. While brokers are
        away it returns empty windows, at a pace that backs off.

        Raises:
            UserError: Reading is not allowed, the topic is gone, or the committed offsets lead nowhere.
        """
        if self._awaits_delivery:
            self._undelivered, self._awaits_delivery = 0, False
        try:
            window = self._gather()
        except (RetriableError, NoOffsetForPartitionError, IllegalStateError) as error:
            self._membership = None
            if isinstance(error, RetriableError):  # else the group moved on while we looked at our positions
                self._back_off(error)
            return _NOTHING
        except OffsetOutOfRangeError as error:
            raise self._starts.out_of_range(next(iter(error.args[0]))) from error
        except AuthorizationError as error:
            raise authorization_error(error) from error
        except SaslAuthenticationFailedError as error:
            raise authentication_error(error) from error
        except GROUP_ERRORS as error:
            raise group_error(error) from error
        except (CorruptRecordError, LogTruncationError) as error:
            raise UserError(f"a log of {', '.join(self._topics)} cannot be read any further: {error}") from error
        self._failures = 0
        self._awaits_delivery = bool(window)
        return window

    def rewind(self) -> None:
        """Pause, longer each time in a row, then forget all positions: the next window starts at committed offsets."""
        self._wait(_BACKOFF_SECONDS[min(self._undelivered, len(_BACKOFF_SECONDS) - 1)])
        self._undelivered += 1
        self._awaits_delivery = False
        self._sizer.undelivered()
        self._membership = None

    def status(self) -> SourceStatus:
        """Where it stands, also while a window is being labelled; `at_end` is right once it was delivered."""
        lags, is_member = self._lags.look(), self._membership is not None
        at_end = is_member and self._lags.are_read(self._delivered, self._readable_ends)
        return SourceStatus(is_member, self._generations, self._heard, lags, at_end, self._input_partitions)

    def close(self) -> None:
        """Leave the group at once; others need not wait for the session to time out."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=LOOKUP_MS)
        except KafkaError as error:  # what counts was committed; this must not hide why we close
            _log.warning("consumer_close_failed", extra={"error": type(error).__name__})

    def _gather(self) -> Window:
        max_records = self._sizer.next_size()
        is_old = has_buffered_records(self._consumer)  # while the last window was worked on: more may have come since
        is_behind = is_old or self._is_behind()
        records = self._poll(_POLL_MS, max_records)
        if self._bytes >= _WINDOW_BYTES:  # the client has let go of them with this poll
            give_back()
        self._check_brokers(bool(records))
        membership = self._current_membership()
        if membership != self._membership:
            self._settle(membership)
            return _NOTHING
        # What is there goes at once: to wait for records that are still being written would cost the first ones time.
        self._bytes, more = size_bytes(records), records
        while more and len(records) < max_records and self._bytes < _WINDOW_BYTES and (is_old or self._is_behind()):
            is_old = False
            more = self._poll(_GATHER_MS, max_records - len(records))
            records += more
            self._bytes += size_bytes(more)
        if self._is_static and time.monotonic() - self._confirmed > _CONFIRM_SECONDS:
            self._delivered = {}  # the client does not say that another worker took our name; a commit does
        if next_offsets := self._moved_positions() if self._membership else {}:
            self._confirmed = time.monotonic()
        group_metadata = self._consumer.group_metadata()
        if self._current_membership() != self._membership:  # a rejoin in the middle of gathering
            self._membership = None
            return _NOTHING
        self._lags.gather(records)
        self._sizer.start(len(records), is_behind, is_cut=self._bytes >= _WINDOW_BYTES)
        return Window(records, next_offsets, group_metadata, self._starts.topic_ids.ask() if next_offsets else dict)

    def _poll(self, timeout_ms: int, max_records: int) -> list[Record]:
        try:
            polled = self._consumer.poll(timeout_ms=timeout_ms, max_records=max_records)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError, LogTruncationError) as error:
            is_left = self._membership is None or isinstance(error, NoOffsetForPartitionError)
            if isinstance(error, LogTruncationError):
                is_left |= not self._delivered or is_of_left_positions(self._consumer, error, LOOKUP_MS)
            if not (is_left or self._starts.topic_ids.are_other()):
                raise
            self._membership = None  # a new group, partition or topic: _settle finds where to start
            return []
        return list(chain.from_iterable(starmap(to_records, polled.items())))

    def _check_brokers(self, heard: bool) -> None:
        """After some silence ask the brokers something, so that they are seen to be away also when there is no work."""
        if heard:
            self._readable_ends, self._heard = {}, time.monotonic()
        elif time.monotonic() - self._heard > _SILENCE_SECONDS:
            asked = list(self._consumer.assignment()) or [TopicPartition(self._topics[0], 0)]  # some have nothing to do
            self._readable_ends = self._consumer.end_offsets(asked, timeout_ms=LOOKUP_MS)
            self._heard = time.monotonic()

    def _is_behind(self) -> bool:
        """Whether the brokers hold more than was polled, as far as is known; of a new partition it is not yet known."""
        ends = {partition: self._consumer.highwater(partition) for partition in self._consumer.assignment()}
        return any(
            end is None or end > self._consumer.position(partition, timeout_ms=LOOKUP_MS)
            for partition, end in ends.items()
        )

    def _current_membership(self) -> _Membership | None:
        """Generation, member and partitions; None while this process is no member of a stable group."""
        group = self._consumer.group_metadata()
        if group.generation_id < 0 or group.state != MemberState.STABLE:
            return None
        return group.generation_id, group.member_id, frozenset(self._consumer.assignment())

    def _settle(self, membership: _Membership | None) -> None:
        """Start a new generation at the committed offsets."""
        self._delivered = {}
        if membership is not None:
            assignment = self._consumer.assignment()
            # The client says nothing about a topic that was deleted; it only loses its partitions.
            others = set(self._topics) - {partition.topic for partition in assignment}
            if gone := [topic for topic in others if not self._consumer.partitions_for_topic(topic)]:
                raise UserError(f"topic {gone[0]} does not exist any more, or this user may not see it")
            starts = self._starts.find(membership[0], assignment)
            if starts is None:
                self._wait(_BACKOFF_SECONDS[0])
                return
            for partition, offset in starts.items():
                self._consumer.seek(partition, offset)
            self._lags.begin(starts)
            self._input_partitions = sum(len(self._consumer.partitions_for_topic(topic)) for topic in self._topics)
            self._generations += membership[0] != self._generation  # else a window is read again
            self._generation = membership[0]
        self._membership = membership

    def _moved_positions(self) -> dict[Partition, int]:
        """Positions that were not delivered yet: of these records, and past transaction markers behind them."""
        positions = {
            Partition(partition.topic, partition.partition): self._consumer.position(partition, timeout_ms=LOOKUP_MS)
            for partition in self._consumer.assignment()
        }
        moved = {
            partition: position
            for partition, position in positions.items()
            if position is not None and self._delivered.get(partition) != position
        }
        self._delivered |= moved
        return moved

    def _back_off(self, error: KafkaError) -> None:
        seconds = _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._failures += 1
        _log.warning("broker_away", extra={"error": str(error), "retry_in_seconds": seconds})
        self._wait(seconds)
