"""A producer of whole windows that waits for an answer to its transaction no longer than the transaction may last.

What the client does:
- `commit_transaction` and `send_offsets_to_transaction` wait without end, in silence, while the coordinator is away.
- `flush` raises for no batch that failed.
- It halves a batch that its topic does not take, and sends the halves.
- It tells of nothing that the coordinator has taken into a transaction.
Since: transactions came (2.1); it halves since 3.0.0.
Without the patch: a worker that hangs until its watchdog ends it, and windows that count as delivered and are not.
Upstream: no issue found.
"""

from collections.abc import Iterable, Mapping, Sequence

from kafka import KafkaProducer, TopicPartition
from kafka.errors import (
    IllegalStateError,
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)
from kafka.producer.producer_batch import FinalState, ProducerBatch
from kafka.producer.transaction_manager import TransactionalRequestResult, TransactionState
from kafka.protocol.producer import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    TxnOffsetCommitRequest,
)

from worker.flow import Partition
from worker.kafka.patches.record_writer import Sendable, make_batches

# A new epoch in the middle of a transaction, which the client then knows nothing of any more.
_ANEW = (TransactionState.BUMPING_PRODUCER_EPOCH, TransactionState.INITIALIZING, TransactionState.READY)


# What brokers refuse of a record, and with it its batch.
REFUSALS = (
    InvalidRecordError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
)
_SHOWN_CHARACTERS = 300
_WITH_GENERATION = 3  # since this version, offsets of an old generation of the group are refused


class RecordsRefusedError(KafkaError):  # type: ignore[misc]
    """Brokers refuse some records for good, and with each all of its batch.

    `refused` are the brokers' words for records, by partition and place in it; `taken` says how many of the first
    records of each partition the brokers have.
    """

    def __init__(self, refused: Mapping[tuple[Partition, int], str], taken: Mapping[Partition, int]) -> None:
        super().__init__(f"{len(refused)} records: {next(iter(refused.values()), '')}")
        self.refused = refused
        self.taken = taken


class UnnamedRefusalError(KafkaError):  # type: ignore[misc]
    """Brokers refuse a batch of several records and do not say for which of them: send each on its own."""


class WindowProducer(KafkaProducer):  # type: ignore[misc]
    """Delivers windows. After a KafkaTimeoutError of a transaction its outcome is unknown."""

    def __init__(self, **config: object) -> None:
        super().__init__(**config)
        # A batch that a topic does not take any more was within its limit at start: halving it would hide that.
        self._sender._can_split = lambda *_: False

    def check_brokers(self) -> None:
        """Look whether brokers have what this producer needs to write a record once, as far as they list it.

        Raises:
            kafka.errors.UnsupportedVersionError: They have no transactions, or no idempotent producers.
        """
        brokers = self._sender._client._manager.broker_version_data
        brokers.api_version(InitProducerIdRequest)
        if self.config["transactional_id"]:
            for request in (AddPartitionsToTxnRequest, AddOffsetsToTxnRequest, EndTxnRequest):
                brokers.api_version(request)
            brokers.api_version(TxnOffsetCommitRequest, min_version=_WITH_GENERATION)

    def deliver(
        self, groups: Mapping[Partition, Sequence[Sendable]], timeout_seconds: float, singly: bool = False
    ) -> dict[Partition, int]:
        """Send records, each partition's in their order, and wait until all in-sync replicas have all of them.

        `send` costs several times as much, most of it for a future that tells what the future of its batch does.

        Args:
            groups: The records of each partition.
            timeout_seconds: How long it may take.
            singly: Each in a batch of its own, so that brokers that refuse one say which.

        Returns:
            The offset of each partition's last record; negative where the brokers did not tell.

        Raises:
            RecordsRefusedError: Brokers refuse some of them for good.
            UnnamedRefusalError: They do, and do not say which.
            kafka.errors.KafkaError: At least one batch failed, or was not answered in time.
        """
        if self._closed:
            raise IllegalStateError("the producer is closed")
        batches = {p: self._queue(TopicPartition(*p), records, singly) for p, records in groups.items()}
        self.flush(timeout=timeout_seconds)
        answers = {partition: _Answers(queued, singly) for partition, queued in batches.items()}
        failures = [failure for each in answers.values() for failure in each.failures]
        failures += [failure for each in answers.values() for failure in each.aborted]  # for want of a better one
        refused = {(p, place): words for p, each in answers.items() for place, words in each.refused.items()}
        if refused:  # the other batches of their partition failed with them
            raise RecordsRefusedError(refused, {partition: each.taken for partition, each in answers.items()})
        if failures:
            raise failures[0]
        return {partition: each.last_offset for partition, each in answers.items()}

    def _queue(self, partition: TopicPartition, records: Sequence[Sendable], singly: bool) -> list[ProducerBatch]:
        self.partitions_for(partition.topic)  # waits for its leaders, if they are not known yet
        if self.config["transactional_id"]:
            self._transaction_manager.maybe_add_partition_to_transaction(partition)
        accumulator = self._accumulator
        batches = make_batches(
            partition,
            records,
            accumulator.config["compression_attrs"],
            0 if singly else accumulator.config["batch_size"],
        )
        with accumulator._tp_lock(partition):
            accumulator._batches[partition].extend(batches)
            for batch in batches:
                accumulator._incomplete.add(batch)
        self._sender.wakeup()
        return batches

    @property
    def has_begun(self) -> bool:
        """Whether the coordinator has taken partitions or offsets into the transaction at hand, as far as it told."""
        manager = self._transaction_manager
        return bool(manager._transaction_started) or manager._current_state in _ANEW

    def send_offsets_to_transaction(self, offsets: object, group_metadata: object) -> None:
        """As the base does, or KafkaTimeoutError."""
        self._await(self._transaction_manager.send_offsets_to_transaction(offsets, group_metadata))

    def commit_transaction(self) -> None:
        """As the base does, or KafkaTimeoutError."""
        self._await(self._transaction_manager.begin_commit())

    def end_what_is_open(self, partitions: Iterable[Partition], group_metadata: object | None, commit: bool) -> None:
        """Commit or abort an empty transaction over `partitions` and a group's offsets; or KafkaTimeoutError.

        `init_transactions` ends the last transaction in the coordinator's books only. A broker that has just started
        takes partitions whose leader it does not know yet for deleted and skips their markers ("these partitions are
        likely deleted already", Apache Kafka 4.3): records and offsets stay open there until this producer's next
        marker, whatever that says. `commit` is therefore how the last transaction ended, as far as is known. To abort
        what was committed would lose it; to commit what was not would bring back the first copy of a window that is
        read again.
        """
        self.begin_transaction()
        for partition in partitions:
            self._transaction_manager.maybe_add_partition_to_transaction(TopicPartition(*partition))
        if group_metadata is not None:
            self.send_offsets_to_transaction({}, group_metadata)
        if commit:
            self.commit_transaction()
        else:
            self._await(self._transaction_manager.begin_abort())

    def topic_id(self, topic: str) -> object:
        """The topic's id in the client's metadata, up to a minute old; None where brokers know none."""
        return self._metadata.topic_id(topic)

    def abandon(self) -> None:
        """End its thread, which runs on after a `close` that failed."""
        self._sender.force_close()

    def _await(self, result: TransactionalRequestResult) -> None:
        self._sender.wakeup()
        if not result.wait(timeout_ms=self.config["transaction_timeout_ms"]):
            raise KafkaTimeoutError("no answer from the transaction's coordinator")


class _Answers:
    """What the brokers said of the batches of one partition, in their order."""

    def __init__(self, batches: Sequence[ProducerBatch], singly: bool) -> None:
        self.taken = 0  # of the first records
        self.last_offset = -1
        self.failures: list[Exception] = []
        self.aborted: list[Exception] = []  # the client gave these up because of another batch
        self._singly = singly
        self.refused: dict[int, str] = {}  # the brokers' words, by place among the partition's records
        place = 0
        for batch in batches:
            self._read(batch, place)
            place += batch.record_count

    def _read(self, batch: ProducerBatch, place: int) -> None:
        if not batch.produce_future.is_done:  # `flush` alone raises for no batch that failed
            self.failures.append(KafkaTimeoutError("a batch was not answered"))
            return
        first, _, exception_of = batch.produce_future.value
        count = batch.record_count
        if exception_of is None:
            if not (self.failures or self.aborted):
                self.taken = place + count
            self.last_offset = first + count - 1 if first >= 0 else first
            return
        error = exception_of(0)
        if batch._final_state is FinalState.ABORTED:
            self.aborted.append(KafkaError(_words(error)) if isinstance(error, REFUSALS) else error)
            return
        # Neighbours of a record that is to blame get an error that is no more than a KafkaError.
        errors = [exception_of(number) for number in range(count)]
        blamed = {number: each for number, each in enumerate(errors) if isinstance(each, REFUSALS)}
        is_named = errors[0] is not error  # made anew for each record; else it is one error for all of them
        if blamed and (is_named or (self._singly and count == 1)):
            self.refused |= {place + number: _words(each) for number, each in blamed.items()}
            self.failures.append(next(iter(blamed.values())))
        elif isinstance(error, MessageSizeTooLargeError):  # no record's fault: the topic's limit was lowered
            self.failures.append(error)
        else:
            self.failures.append(UnnamedRefusalError(_words(error)) if blamed else error)


def _words(error: Exception) -> str:
    """What brokers said, on one line and not too much of it."""
    said = (error.args[0] if error.args else None) or getattr(error, "description", "")
    return " ".join(f"{type(error).__name__}: {said}".split())[:_SHOWN_CHARACTERS]
