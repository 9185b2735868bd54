"""Mends of kafka-python 3.0.12, pinned to that version: whoever raises it checks each against the new source."""

from collections.abc import Iterable

import google_crc32c
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.producer.transaction_manager import TransactionalRequestResult
from kafka.record import default_records, memory_records


def mend_client() -> None:
    """Apply those that are not asked for by name, for every client of this process.

    Without a C library kafka-python computes checksums in Python: consuming then costs five times as much CPU. The
    library it looks for, `crc32c`, is LGPL; google-crc32c does the same sum under a permissive licence.
    """
    default_records.calc_crc32c = _checksum
    memory_records.DefaultRecordBatch = _TolerantRecordBatch


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
    """A producer that waits for an answer to its transaction no longer than the transaction may last.

    Its base waits without end, and in silence, while the coordinator is away. Afterwards the outcome is unknown.
    """

    def send_offsets_to_transaction(self, offsets: object, group_metadata: object) -> None:
        """As the base does, or KafkaTimeoutError."""
        self._await(self._transaction_manager.send_offsets_to_transaction(offsets, group_metadata))

    def commit_transaction(self) -> None:
        """As the base does, or KafkaTimeoutError."""
        self._await(self._transaction_manager.begin_commit())

    def end_what_is_open(self, partitions: Iterable[TopicPartition], group_metadata: object) -> None:
        """Abort an empty transaction over `partitions` and the group's offsets; or KafkaTimeoutError.

        `init_transactions` ends the last transaction in the coordinator's books only. A broker that has just started
        takes partitions whose leader it does not know yet for deleted and skips their markers ("these partitions are
        likely deleted already", Apache Kafka 4.3): records and offsets stay open there until this producer's next
        marker, and the commit of a window that was read again would bring the first copy back.
        """
        self.begin_transaction()
        for partition in partitions:
            self._transaction_manager.maybe_add_partition_to_transaction(partition)
        self.send_offsets_to_transaction({}, group_metadata)
        self._await(self._transaction_manager.begin_abort())

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


class _LenientBytes(bytearray):
    r"""Bytes that decode with `\xNN` in place of what is no UTF-8."""

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        item = super().__getitem__(index)
        return _LenientBytes(item) if isinstance(index, slice) else item

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002
        return super().decode(encoding, "backslashreplace")


class _TolerantRecordBatch(default_records.DefaultRecordBatch):  # type: ignore[misc]
    """A batch that can be read although a header key in it is no UTF-8.

    Kafka takes such keys from any producer. kafka-python raises on them, and a seek past the record does not help: its
    neighbours in the batch could never be read. The key goes on in its escaped form, so that the readers of our topics
    do not break on it in their turn.
    """

    _buffer: bytearray

    def _read_msg(self):  # type: ignore[no-untyped-def]
        try:
            return super()._read_msg()
        except UnicodeDecodeError:  # nothing was consumed: its position moves only on success
            strict, self._buffer = self._buffer, _LenientBytes(self._buffer)
            try:
                return super()._read_msg()
            finally:
                self._buffer = strict
