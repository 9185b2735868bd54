"""Sends each line of a file, or of standard input, as a text to label, and prints its id: to copy and to change."""

import argparse
import fileinput
import json
import sys
import uuid

from kafka import KafkaProducer


def main() -> int:
    """Send all lines; returns 0 only if every one of them was stored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", default="localhost:9092", help="(default: %(default)s)")
    parser.add_argument("--topic", default="text-messages", help="(default: %(default)s)")
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="(default: standard input)")
    arguments = parser.parse_args()

    failures: list[Exception] = []
    with KafkaProducer(
        bootstrap_servers=arguments.bootstrap_servers,
        acks="all",  # a text counts as sent once all in-sync replicas have it,
        enable_idempotence=True,  # and a retry writes it neither twice nor out of order
        allow_auto_create_topics=False,  # a misspelt topic is an error
    ) as producer:
        for line in fileinput.input(arguments.file, encoding="utf-8"):
            if failures:
                break
            text = line.strip()
            if not text:
                continue
            identity = str(uuid.uuid4())
            producer.send(
                arguments.topic,
                # Labels keep the order of texts that share a key: use what the order matters for, such as a user's id.
                key=identity.encode(),
                value=json.dumps({"id": identity, "text": text}).encode(),
            ).add_errback(failures.append)  # send() only queues: what became of the text is known later
            sys.stdout.write(f"{identity} {text}\n")
        producer.flush()
    if failures:
        sys.stderr.write(f"{len(failures)} texts were not stored: {failures[0]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
