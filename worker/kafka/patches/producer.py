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
from kafka.errors import IllegalStateError, KafkaTimeoutError
from kafka.producer.producer_batch import ProducerBatch
from kafka.producer.transaction_manager import TransactionalRequestResult, TransactionState

from worker.flow import Partition
from worker.kafka.patches.record_writer import Sendable, make_batches

# A new epoch in the middle of a transaction, which the client then knows nothing of any more.
_ANEW = (TransactionState.BUMPING_PRODUCER_EPOCH, TransactionState.INITIALIZING, TransactionState.READY)


class WindowProducer(KafkaProducer):  # type: ignore[misc]
    """Delivers windows. After a KafkaTimeoutError of a transaction its outcome is unknown."""

    def __init__(self, **config: object) -> None:
        super().__init__(**config)
        # A batch that a topic does not take any more was within its limit at start: halving it would hide that.
        self._sender._can_split = lambda *_: False

    def deliver(self, groups: Mapping[Partition, Sequence[Sendable]], timeout_seconds: float) -> dict[Partition, int]:
        """Send records, each partition's in their order, and wait until all in-sync replicas have all of them.

        `send` costs several times as much, most of it for a future that tells what the future of its batch does.

        Returns:
            The offset of each partition's last record; negative where the brokers did not tell.

        Raises:
            kafka.errors.KafkaError: At least one batch was refused, or not answered in time.
        """
        if self._closed:
            raise IllegalStateError("the producer is closed")
        batches = [(p, batch) for p, records in groups.items() for batch in self._queue(TopicPartition(*p), records)]
        self.flush(timeout=timeout_seconds)
        last: dict[Partition, int] = {}
        for partition, batch in batches:
            if not batch.produce_future.is_done:  # `flush` alone raises for no batch that failed
                raise KafkaTimeoutError("a batch was not answered")
            first, _, exception_of = batch.produce_future.value
            if exception_of is not None:
                raise exception_of(0)
            last[partition] = first + batch.record_count - 1 if first >= 0 else first
        return last

    def _queue(self, partition: TopicPartition, records: Sequence[Sendable]) -> list[ProducerBatch]:
        self.partitions_for(partition.topic)  # waits for its leaders, if they are not known yet
        if self._transaction_manager.is_transactional():
            self._transaction_manager.maybe_add_partition_to_transaction(partition)
        accumulator = self._accumulator
        batches = make_batches(
            partition, records, accumulator.config["compression_attrs"], accumulator.config["batch_size"]
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

    def abandon(self) -> None:
        """End its thread, which runs on after a `close` that failed."""
        self._sender.force_close()

    def _await(self, result: TransactionalRequestResult) -> None:
        self._sender.wakeup()
        if not result.wait(timeout_ms=self.config["transaction_timeout_ms"]):
            raise KafkaTimeoutError("no answer from the transaction's coordinator")
