"""The loop that people write with kafka-python: poll, json, send, commit. CLIENT_CHECKSUM=c: with checksums in C."""

import json
import os
import sys
from types import SimpleNamespace

import google_crc32c

from tests.benchmarks.clients.cpu_notes import CpuNotes

if os.environ.get("CLIENT_CHECKSUM") == "c":  # as with `pip install crc32c` beside it
    sys.modules["crc32c"] = SimpleNamespace(crc32c=lambda view: google_crc32c.value(bytes(view)))  # type: ignore[assignment]

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer

SERVERS, INPUT, OUTPUT, GROUP = (os.environ[f"CLIENT_{name}"] for name in ("SERVERS", "INPUT", "OUTPUT", "GROUP"))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, notes: CpuNotes) -> None:
        self._notes = notes

    def on_partitions_assigned(self, _: object) -> None:
        self._notes.note(0)

    def on_partitions_revoked(self, _: object) -> None:
        pass


def main() -> None:
    notes, done = CpuNotes(), 0
    consumer = KafkaConsumer(
        bootstrap_servers=SERVERS, group_id=GROUP, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    consumer.subscribe([INPUT], listener=_Listener(notes))
    producer = KafkaProducer(bootstrap_servers=SERVERS)
    while True:
        records = [record for some in consumer.poll(timeout_ms=500).values() for record in some]
        for record in records:
            message = json.loads(record.value)
            label = {"id": message["id"], "label": "joy", "score": 0.982}
            producer.send(OUTPUT, json.dumps(label).encode(), key=record.key)
        if records:
            producer.flush()
            consumer.commit()
            done += len(records)
            notes.note(done)


if __name__ == "__main__":
    main()
