"""Prints labels as they come, one line each: `id label score`, or the whole JSON: to copy and to change."""

import argparse
import json
import sys
from contextlib import suppress

from kafka import KafkaConsumer


def main() -> None:
    """Read until Ctrl-C, or until so many lines are printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", default="localhost:9092", help="(default: %(default)s)")
    parser.add_argument("--topic", default="emotion-labels", help="(default: %(default)s)")
    parser.add_argument("--group", help="go on where this group stopped (default: from the beginning, in no group)")
    parser.add_argument("--count", type=int, metavar="N", help="stop after N lines (default: Ctrl-C)")
    parser.add_argument("--json", action="store_true", help="print the labels as they are")
    arguments = parser.parse_args()

    with (
        suppress(KeyboardInterrupt),
        KafkaConsumer(
            arguments.topic,
            bootstrap_servers=arguments.bootstrap_servers,
            # The worker writes in transactions. A reader that does not ask for committed records only, which is the
            # default, sees labels that were taken back and come again.
            isolation_level="read_committed",
            group_id=arguments.group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,  # it could commit a label that was not printed yet
        ) as consumer,
    ):
        left = arguments.count
        while left is None or left > 0:
            polled = consumer.poll(timeout_ms=1000, max_records=left)
            records = [record for partition in polled.values() for record in partition]
            for record in records:
                sys.stdout.write(line(record.key, record.value, arguments.json) + "\n")
            sys.stdout.flush()
            if arguments.group and records:
                consumer.commit()  # after the work: a crash in between repeats labels, and loses none
            left = None if left is None else left - len(records)


def line(key: bytes | None, value: bytes | None, as_json: bool) -> str:
    """What is printed of one record."""
    if value is None:  # a tombstone: the producer has deleted what it sent under this key
        return "null" if as_json else f"{(key or b'').decode(errors='replace')} deleted"
    if as_json:
        return value.decode()
    label = json.loads(value)
    given = label.get("labels")  # of a multi-label model, and none from workers of before
    names = label["label"] if given is None else ", ".join(given) or "(none)"
    return f"{label['id']} {names} {label['score']:.3f}"


if __name__ == "__main__":
    main()
