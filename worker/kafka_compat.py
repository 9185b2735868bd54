"""Mends of kafka-python 3.0.12, pinned to that version: whoever raises it checks each against the new source."""

from collections.abc import Mapping, Sequence

import google_crc32c
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import IllegalStateError, KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.producer.producer_batch import ProducerBatch
from kafka.producer.transaction_manager import TransactionalRequestResult
from kafka.record import default_records, memory_records

from worker.kafka_batches import RecordBatch, Sendable, make_batches


def mend_client() -> None:
    """Apply those that are not asked for by name, for every client of this process.

    Without a C library kafka-python computes checksums in Python: consuming then costs five times as much CPU. The
    library it looks for, `crc32c`, is LGPL; google-crc32c does the same sum under a permissive licence.
    """
    default_records.calc_crc32c = _checksum
    memory_records.DefaultRecordBatch = RecordBatch


class PatientClient(KafkaNetClient):  # type: ignore[misc]
    """A network client that says "not ready" where its base raises.

    The transactional producer drops a request for good when its coordinator is unreachable at that moment, and
    whoever waits for the answer hangs for ever. Told that the coordinator is not ready, it tries again.
    """

    def await_ready(self, *arguments: object, **options: object) -> bool:
        """Whether the node can be talked to now."""
        try:
            return bool(super().await_ready(*arguments, **options))
        except KafkaError:
            return False


class BoundedProducer(KafkaProducer):  # type: ignore[misc]
    """A producer of whole windows that waits for an answer to its transaction no longer than the transaction may last.

    Its base waits without end, and in silence, while the coordinator is away. Afterwards the outcome is unknown.
    """

    def __init__(self, **config: object) -> None:
        super().__init__(**config)
        # A batch that a topic does not take any more was within its limit at start: halving it would hide that.
        self._sender._can_split = lambda *_: False

    def deliver(self, groups: Mapping[TopicPartition, Sequence[Sendable]], timeout_seconds: float) -> None:
        """Send records, each partition's in their order, and wait until all in-sync replicas have all of them.

        `send` costs several times as much, most of it for a future that tells what the future of its batch does.

        Raises:
            kafka.errors.KafkaError: At least one batch was refused, or not answered in time.
        """
        if self._closed:
            raise IllegalStateError("the producer is closed")
        futures = [
            batch.produce_future for partition, records in groups.items() for batch in self._queue(partition, records)
        ]
        self.flush(timeout=timeout_seconds)
        for future in futures:
            if not future.is_done:  # `flush` alone raises for no batch that failed
                raise KafkaTimeoutError("a batch was not answered")
            _, _, exception_of = future.value
            if exception_of is not None:
                raise exception_of(0)

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

    def send_offsets_to_transaction(self, offsets: object, group_metadata: object) -> None:
        """As the base does, or KafkaTimeoutError."""
        self._await(self._transaction_manager.send_offsets_to_transaction(offsets, group_metadata))

    def commit_transaction(self) -> None:
        """As the base does, or KafkaTimeoutError."""
        self._await(self._transaction_manager.begin_commit())

    def _await(self, result: TransactionalRequestResult) -> None:
        self._sender.wakeup()
        if not result.wait(timeout_ms=self.config["transaction_timeout_ms"]):
            raise KafkaTimeoutError("no answer from the transaction's coordinator")


def committed_now(consumer: KafkaConsumer, partition: TopicPartition, timeout_ms: int) -> int | None:
    """The group's offset of a partition as the broker has it now.

    After a call of `committed` that timed out, the next one returns the late answer to the first, however old: windows
    that others have delivered since would be delivered again, and nothing could fence that.
    """
    consumer._coordinator._offset_fetch_futures.clear()
    offset: int | None = consumer.committed(partition, timeout_ms=timeout_ms)
    return offset


def _checksum(view: memoryview) -> int:
    checksum: int = google_crc32c.value(bytes(view))  # it takes read-only bytes only
    return checksum
