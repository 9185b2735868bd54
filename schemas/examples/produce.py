"""Sends each line of a file, or of standard input, as a text to label, and prints its id: to copy and to change."""

import argparse
import fileinput
import json
import sys
import uuid
from collections import deque
from typing import Any

from kafka import KafkaProducer

MAX_PENDING = 10_000  # texts in memory when the brokers are slower than the input


def main() -> None:
    """Send all lines, and raise unless every one of them was stored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", default="localhost:9092", help="(default: %(default)s)")
    parser.add_argument("--topic", default="text-messages", help="(default: %(default)s)")
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="(default: standard input)")
    arguments = parser.parse_args()

    pending: deque[Any] = deque()
    with (
        fileinput.input(arguments.file, encoding="utf-8") as lines,
        KafkaProducer(
            bootstrap_servers=arguments.bootstrap_servers,
            acks="all",  # a text counts as stored once all in-sync replicas have it,
            enable_idempotence=True,  # and a retry stores it neither twice nor out of order
            allow_auto_create_topics=False,  # a misspelt topic is an error
        ) as producer,
    ):
        for text in filter(None, map(str.strip, lines)):
            identity = str(uuid.uuid4())
            future = producer.send(
                arguments.topic,
                # Labels keep the order of texts that share a key: use what the order matters for, such as a user's id.
                key=identity.encode(),
                value=json.dumps({"id": identity, "text": text}).encode(),
            )
            sys.stdout.write(f"{identity} {text}\n")
            # send() only queues, and flush() tells of no failure: what became of a text, its future alone knows.
            pending.append(future)
            while pending and (pending[0].is_done or len(pending) > MAX_PENDING):
                pending.popleft().get()
        for future in pending:
            future.get()


if __name__ == "__main__":
    main()
