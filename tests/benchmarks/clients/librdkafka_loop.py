"""The worker's own work with librdkafka: the same labels, same key, partition, headers and timestamp, and the offsets.

CLIENT_DELIVERY says how, as EMOTION_DELIVERY does.
"""

import os
import time
import uuid

import orjson
from confluent_kafka import Consumer, Message, Producer

from tests.benchmarks.clients.cpu_notes import CpuNotes

SERVERS, INPUT, OUTPUT, GROUP = (os.environ[f"CLIENT_{name}"] for name in ("SERVERS", "INPUT", "OUTPUT", "GROUP"))
EXACTLY_ONCE = os.environ["CLIENT_DELIVERY"] == "exactly_once"
WINDOW = 8192  # the largest of the worker
SCORES = {"sadness": 0.003, "joy": 0.982, "love": 0.009, "anger": 0.002, "fear": 0.002, "surprise": 0.002}
MODEL = {"name": "bundled", "revision": "sha256:" + "0" * 64}


def main() -> None:
    notes, done = CpuNotes(), 0
    consumer = Consumer(
        {
            "bootstrap.servers": SERVERS,
            "group.id": GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([INPUT], on_assign=lambda *_: notes.note(0))
    settings: dict[str, str | int | bool] = {"bootstrap.servers": SERVERS, "enable.idempotence": True, "linger.ms": 20}
    producer = Producer(settings | ({"transactional.id": f"{GROUP}-{uuid.uuid4()}"} if EXACTLY_ONCE else {}))
    if EXACTLY_ONCE:
        producer.init_transactions(30)
    while True:
        messages = [message for message in consumer.consume(WINDOW, 0.5) if message.error() is None]
        if messages:
            _deliver(consumer, producer, messages)
            done += len(messages)
            notes.note(done)


def _deliver(consumer: Consumer, producer: Producer, messages: list[Message]) -> None:
    if EXACTLY_ONCE:
        producer.begin_transaction()
    for message in messages:
        _send(producer, message)
    if EXACTLY_ONCE:
        offsets = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 30)
        producer.commit_transaction(30)
    else:
        producer.flush(30)
        consumer.commit(asynchronous=False)


def _send(producer: Producer, message: Message) -> None:
    asked = orjson.loads(message.value() or b"{}")
    timestamp_ms, partition = message.timestamp()[1], message.partition() or 0
    label = {
        "schema_version": 1,
        "id": asked["id"],
        "label": "joy",
        "score": 0.982,
        "confident": True,
        "scores": SCORES,
        "tokens": 24,
        "truncated": False,
        "model": MODEL,
        "source": {
            "topic": message.topic(),
            "partition": partition,
            "offset": message.offset(),
            "timestamp_ms": timestamp_ms,
        },
        "labelled_at_ms": time.time_ns() // 1_000_000,
        "copied": {},
    }
    headers = message.headers() or []
    producer.produce(OUTPUT, orjson.dumps(label), message.key(), partition, timestamp=timestamp_ms, headers=headers)


if __name__ == "__main__":
    main()
