"""The loop that people write: poll, pipeline, send, commit."""

import json
from collections.abc import Callable

from kafka import KafkaConsumer, KafkaProducer

from tests.benchmarks.peers.told import GROUP, INPUT, OUTPUT, SERVERS, TUNED


def run(label: Callable[[list[str]], list[dict[str, object]]]) -> None:
    """For ever."""
    consumer = KafkaConsumer(
        INPUT,
        bootstrap_servers=SERVERS,
        group_id=GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=512 if TUNED else 500,
    )
    producer = KafkaProducer(bootstrap_servers=SERVERS, **({"batch_size": 512 * 1024, "linger_ms": 5} if TUNED else {}))
    while True:
        records = [record for some in consumer.poll(timeout_ms=500).values() for record in some]
        messages = [json.loads(record.value) for record in records]
        if messages:
            for message, answer in zip(messages, label([message["text"] for message in messages]), strict=True):
                producer.send(OUTPUT, json.dumps({"id": message["id"], **answer}).encode())
            producer.flush()
            consumer.commit()


if __name__ == "__main__":
    from tests.benchmarks.peers.labeller import label

    run(label)
