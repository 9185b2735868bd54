"""Records that a broker takes and that librdkafka's binding cannot write."""

from collections.abc import Iterable

from tests.harness.independent import NewRecord


class _RawKey(str):
    """A header key of any bytes: kafka-python asks the key to encode itself."""

    raw: bytes

    def __new__(cls, raw: bytes) -> "_RawKey":
        key = super().__new__(cls, raw.decode("latin-1"))
        key.raw = raw
        return key

    def encode(self, *_: str) -> bytes:
        return self.raw


def produce_raw_header_key(
    servers: str,
    topic: str,
    header_key: bytes,
    *,
    before: Iterable[NewRecord] = (),
    after: Iterable[NewRecord] = (),
    partition: int = 0,
) -> int:
    """Write a record whose header key is any bytes, with neighbours in the same batch; gives its offset."""
    # Imported late: the worker gives kafka-python its checksum before the first import of kafka.
    from kafka import KafkaProducer

    odd = NewRecord(b'{"text": "odd header"}')
    producer = KafkaProducer(
        bootstrap_servers=servers, linger_ms=10_000, batch_size=1 << 20, client_id="writer-of-odd-headers"
    )
    try:
        futures = []
        for record in [*before, odd, *after]:
            headers = [(_RawKey(header_key), b"value")] if record is odd else list(record.headers)
            future = producer.send(topic, value=record.value, key=record.key, headers=headers, partition=partition)
            futures.append((record, future))
        producer.flush(30)  # before linger_ms is over: all of them are one batch
        return next(int(future.get(30).offset) for record, future in futures if record is odd)
    finally:
        producer.close(timeout=10)
