"""Kafka to windows."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    AuthorizationError,
    CorruptRecordError,
    IllegalStateError,
    KafkaError,
    KafkaTimeoutError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RetriableError,
    SaslAuthenticationFailedError,
)
from kafka.structs import MemberState

from schemas.emotion_label import Source as Origin
from worker.errors import UserError
from worker.flow import Partition, Record, SourceStatus, Window
from worker.kafka.committed_offsets import CommittedOffsets
from worker.kafka.fatal_errors import GROUP_ERRORS, authentication_error, authorization_error, group_error
from worker.kafka.patches.fetching import has_buffered_records
from worker.kafka.patches.offset_fetch import fetch_committed_offset
from worker.kafka.window_size import WindowSizer

_log = logging.getLogger(__name__)

_POLL_MS = 500
_GATHER_MS = 5  # a poll returns what one partition has; a full window takes several, and an idle one must not wait
_WINDOW_BYTES = 32 << 20  # a window of huge texts must fit into memory, several times over
_LOOKUP_MS = 5_000  # what the client would wait for without end while its brokers are away
_CONFIRM_SECONDS = 10
_SILENCE_SECONDS = 5  # a poll does not say whether there is nothing or nobody
_BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

_Membership = tuple[int, str, frozenset[TopicPartition]]  # generation, member, partitions


class Source:
    """Gathers windows of one generation of the consumer group.

    A position is trusted within a generation only. Whenever the membership changed, every owned partition is set back
    to its committed offset, so that work which was dropped is read again and work that others did is not.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        topic: str,
        sizer: WindowSizer,
        start_offset: str,
        wait: Callable[[float], object],
        committed: CommittedOffsets,
        unblock: Callable[[], object] | None = None,
    ) -> None:
        """Subscribe.

        Args:
            consumer: With auto-commit off and no offset reset.
            topic: The input topic.
            sizer: Says how many records the next window may hold.
            start_offset: `earliest` or `latest`, for partitions that the group never committed.
            wait: Sleeps that many seconds, less if the worker is told to stop.
            committed: What is known to be committed.
            unblock: Called where committed offsets are not to be had although brokers answer.
        """
        self._consumer = consumer
        self._topic = topic
        self._sizer = sizer
        self._start_offset = start_offset
        self._wait = wait
        self._committed = committed
        self._unblock = unblock
        self._started_ms = int(time.time() * 1000)
        self._membership: _Membership | None = None
        self._delivered: dict[Partition, int] = {}
        self._readable_ends: Mapping[TopicPartition, int] = {}
        self._generations = 0
        self._failures = 0
        self._is_static = consumer.config["group_instance_id"] is not None
        self._confirmed = self._heard = time.monotonic()
        consumer.subscribe([topic])

    def poll(self) -> Window:
        """Wait up to half a second for records, then gather what is there.

        To ask again says that the last window was delivered; after a failure call `rewind` first. While brokers are
        away it returns empty windows, at a pace that backs off.

        Raises:
            UserError: Reading is not allowed, the topic is gone, or the committed offsets lead nowhere.
        """
        try:
            window = self._gather()
        except RetriableError as error:
            self._membership = None
            self._back_off(error)
            return self._empty()
        except (NoOffsetForPartitionError, IllegalStateError):  # the group moved on while we looked at our positions
            self._membership = None
            return self._empty()
        except OffsetOutOfRangeError as error:
            raise self._out_of_range(next(iter(error.args[0]))) from error
        except AuthorizationError as error:
            raise authorization_error(error) from error
        except SaslAuthenticationFailedError as error:
            raise authentication_error(error) from error
        except GROUP_ERRORS as error:
            raise group_error(error) from error
        except (CorruptRecordError, LogTruncationError) as error:
            raise UserError(f"the log of {self._topic} cannot be read any further: {error}") from error
        self._failures = 0
        return window

    def rewind(self) -> None:
        """Pause, then forget all positions: the next window starts at the committed offsets."""
        self._wait(_BACKOFF_SECONDS[0])
        self._membership = None

    def status(self) -> SourceStatus:
        """Where it stands; right once the last window was delivered."""
        lags: dict[int, int] = {}
        at_end = self._membership is not None
        with suppress(IllegalStateError):  # a partition was taken away a moment ago
            for partition in self._consumer.assignment():
                position, end = self._delivered.get(partition), self._consumer.highwater(partition)
                if position is not None and end is not None:
                    lags[partition.partition] = max(0, end - position)
                    at_end &= position >= min(end, self._readable_ends.get(partition, end))
                else:
                    at_end = False
        return SourceStatus(self._membership is not None, self._generations, self._heard, lags, at_end)

    def close(self) -> None:
        """Leave the group at once; others need not wait for the session to time out."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=_LOOKUP_MS)
        except KafkaError as error:  # what counts was committed; this must not hide why we close
            _log.warning("consumer_close_failed", extra={"error": type(error).__name__})

    def _gather(self) -> Window:
        max_records = self._sizer.next_size()
        is_old = has_buffered_records(self._consumer)  # while the last window was worked on: more may have come since
        records = self._poll(_POLL_MS, max_records)
        self._check_brokers(bool(records))
        membership = self._current_membership()
        if membership != self._membership:
            self._settle(membership)
            return self._empty()
        # What is there goes at once: to wait for records that are still being written would cost the first ones time.
        size_bytes = _bytes(records)
        while records and len(records) < max_records and size_bytes < _WINDOW_BYTES and (is_old or self._is_behind()):
            is_old = False
            more = self._poll(_GATHER_MS, max_records - len(records))
            if not more:
                break
            records += more
            size_bytes += _bytes(more)
        if self._is_static and time.monotonic() - self._confirmed > _CONFIRM_SECONDS:
            self._delivered = {}  # the client does not say that another worker took our name; a commit does
        next_offsets = self._moved_positions() if self._membership else {}
        if next_offsets:
            self._confirmed = time.monotonic()
        group_metadata = self._consumer.group_metadata()
        if self._current_membership() != self._membership:  # a rejoin in the middle of gathering
            self._membership = None
            return self._empty()
        self._sizer.start(len(records))
        return Window(records, next_offsets, group_metadata)

    def _poll(self, timeout_ms: int, max_records: int) -> list[Record]:
        try:
            polled = self._consumer.poll(timeout_ms=timeout_ms, max_records=max_records)
        except NoOffsetForPartitionError:  # a new group, or a new partition: _settle finds where to start
            self._membership = None
            return []
        return [to_record(record) for records in polled.values() for record in records]

    def _check_brokers(self, heard: bool) -> None:
        """After some silence ask the brokers something, so that they are seen to be away also when there is no work."""
        if heard:
            self._readable_ends = {}
        elif time.monotonic() - self._heard > _SILENCE_SECONDS:
            asked = list(self._consumer.assignment()) or [TopicPartition(self._topic, 0)]  # some have nothing to do
            self._readable_ends = self._consumer.end_offsets(asked, timeout_ms=_LOOKUP_MS)
            heard = True
        if heard:
            self._heard = time.monotonic()

    def _is_behind(self) -> bool:
        """Whether the brokers hold more than was polled, as far as is known; of a new partition it is not yet known."""
        ends = {partition: self._consumer.highwater(partition) for partition in self._consumer.assignment()}
        return any(
            end is None or end > self._consumer.position(partition, timeout_ms=_LOOKUP_MS)
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
            if not assignment and not self._consumer.partitions_for_topic(self._topic):
                raise UserError(f"topic {self._topic} does not exist any more, or this user may not see it")
            generation, *_ = membership
            if not self._committed.join(generation, [partition.partition for partition in assignment]):
                self._wait(_BACKOFF_SECONDS[0])
                return
            for partition in assignment:
                self._consumer.seek(partition, self._committed_or_start(partition))
            self._generations += 1
            _log.info("partitions_assigned", extra={"partitions": sorted(p.partition for p in assignment)})
        self._membership = membership

    def _committed_or_start(self, partition: TopicPartition) -> int:
        own = Partition(partition.topic, partition.partition)
        try:
            committed = fetch_committed_offset(self._consumer, partition, _LOOKUP_MS)
        except KafkaTimeoutError:
            # A coordinator that has forgotten something may wait without end for a transaction whose end it has
            # forgotten as well.
            if not self._committed.is_answered(own):
                if self._unblock:
                    self._consumer.end_offsets([partition], timeout_ms=_LOOKUP_MS)  # fails where brokers are away
                    self._unblock()
                raise
            committed = None
        committed = self._committed.at_least(own, committed)
        if committed is not None:
            return committed
        if self._start_offset == "earliest":
            start: int = self._consumer.beginning_offsets([partition], timeout_ms=_LOOKUP_MS)[partition]
            return start
        # `latest` means what arrives after this process started, so that a partition added later is read from its
        # beginning. The end is asked first: a record that arrives between the two calls is then read.
        end: int = self._consumer.end_offsets([partition], timeout_ms=_LOOKUP_MS)[partition]
        found = self._consumer.offsets_for_times({partition: self._started_ms}, timeout_ms=_LOOKUP_MS)[partition]
        return end if found is None else int(found.offset)

    def _moved_positions(self) -> dict[Partition, int]:
        """Positions that were not delivered yet: of these records, and past transaction markers behind them."""
        positions = {
            Partition(partition.topic, partition.partition): self._consumer.position(partition, timeout_ms=_LOOKUP_MS)
            for partition in self._consumer.assignment()
        }
        moved = {
            partition: position
            for partition, position in positions.items()
            if position is not None and self._delivered.get(partition) != position
        }
        self._delivered |= moved
        return moved

    def _empty(self) -> Window:
        return Window([], {}, None)

    def _back_off(self, error: KafkaError) -> None:
        seconds = _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._failures += 1
        _log.warning("broker_away", extra={"error": str(error), "retry_in_seconds": seconds})
        self._wait(seconds)

    def _out_of_range(self, partition: TopicPartition) -> UserError:
        committed = fetch_committed_offset(self._consumer, partition, _LOOKUP_MS)
        earliest = self._consumer.beginning_offsets([partition], timeout_ms=_LOOKUP_MS)[partition]
        latest = self._consumer.end_offsets([partition], timeout_ms=_LOOKUP_MS)[partition]
        name = f"{partition.topic}, partition {partition.partition}"
        if committed is not None and committed < earliest:
            what = (
                f"{name}: {earliest - committed} records were deleted before they were read (the group is at offset "
                f"{committed}, the topic now begins at {earliest}): retention overtook the group"
            )
        else:
            at = "nowhere yet" if committed is None else f"at offset {committed}"
            what = (
                f"{name}: the group is {at}, but the topic begins at {earliest} and ends at {latest}: was it made anew?"
            )
        return UserError(
            f"{what}. Nothing was skipped. To go on with what is there, stop all workers of the group and run "
            f"`kafka-consumer-groups.sh --bootstrap-server … --group {self._consumer.config['group_id']} --topic "
            f"{partition.topic}:{partition.partition} --reset-offsets --to-earliest --execute`"
        )


def _bytes(records: list[Record]) -> int:
    return sum(len(r.value or b"") + len(r.key or b"") + sum([len(v or b"") for _, v in r.headers]) for r in records)


def to_record(record: Any) -> Record:
    """The client's record as ours."""
    timestamp_ms = record.timestamp if record.timestamp is not None and record.timestamp >= 0 else None
    origin = Origin(record.topic, record.partition, record.offset, timestamp_ms)
    return Record(origin, record.key, record.value, record.headers)
