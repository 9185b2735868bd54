"""Prints a line when the share of an emotion rises far above its usual one: to copy and to change."""

import argparse
import json
import sys
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime

from kafka import KafkaConsumer

LEAST = 20
"""Confident labels in the last minutes below which a share says nothing."""


class Surge:
    """The share of an emotion among confident labels of the last minutes, beside that of the time before."""

    def __init__(self, emotion: str, recent_minutes: float, usual_minutes: float, factor: float) -> None:
        """Takes how far both look back from the newest label, and how many times the usual share is a surge."""
        self._emotion, self._factor = emotion, factor
        self._recent_ms, self._usual_ms = recent_minutes * 60_000, usual_minutes * 60_000
        self._recent: deque[tuple[int, bool]] = deque()
        self._usual: deque[tuple[int, bool]] = deque()
        self._is_on = False

    def add(self, said_at_ms: int, label: str) -> str | None:
        """What to say after this label, if its coming begins or ends a surge; times must not fall much."""
        self._recent.append((said_at_ms, label == self._emotion))
        while self._recent[0][0] < said_at_ms - self._recent_ms:
            self._usual.append(self._recent.popleft())
        while self._usual and self._usual[0][0] < said_at_ms - self._usual_ms:
            self._usual.popleft()
        if min(len(self._recent), len(self._usual)) < LEAST:
            return None
        now, usual = _share(self._recent), _share(self._usual)
        if (now > self._factor * max(usual, 0.01)) == self._is_on:
            return None
        self._is_on = not self._is_on
        at, change = datetime.fromtimestamp(said_at_ms / 1000, UTC), "rises from" if self._is_on else "back near"
        return f"{at:%Y-%m-%d %H:%M:%S} {self._emotion} {now:.0%} ({change} {usual:.0%})"


def _share(labels: deque[tuple[int, bool]]) -> float:
    return sum(is_it for _, is_it in labels) / len(labels)


def main() -> None:
    """Watch until Ctrl-C, or until so many records are read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", default="localhost:9092", help="(default: %(default)s)")
    parser.add_argument("--topic", default="emotion-labels", help="(default: %(default)s)")
    parser.add_argument("--emotion", default="anger", help="(default: %(default)s)")
    parser.add_argument("--recent", type=float, default=5, metavar="MINUTES", help="(default: %(default)s)")
    parser.add_argument("--usual", type=float, default=60, metavar="MINUTES", help="(default: %(default)s)")
    parser.add_argument("--factor", type=float, default=3, help="times the usual share (default: %(default)s)")
    parser.add_argument("--count", type=int, metavar="N", help="stop after N records (default: Ctrl-C)")
    arguments = parser.parse_args()

    surge = Surge(arguments.emotion, arguments.recent, arguments.usual, arguments.factor)
    with (
        suppress(KeyboardInterrupt),
        KafkaConsumer(
            arguments.topic,
            bootstrap_servers=arguments.bootstrap_servers,
            isolation_level="read_committed",  # or it reads labels that were taken back
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        ) as consumer,
    ):
        left = arguments.count
        while left is None or left > 0:
            polled = consumer.poll(timeout_ms=1000, max_records=left)
            for record in sorted((r for records in polled.values() for r in records), key=lambda r: r.timestamp):
                label = json.loads(record.value or b"{}")
                # A label has the time at which its text was said, so old texts do not look like a surge of today.
                if label.get("confident") and (told := surge.add(record.timestamp, label["label"])):
                    sys.stdout.write(told + "\n")
                    sys.stdout.flush()
            left = None if left is None else left - sum(map(len, polled.values()))


if __name__ == "__main__":
    main()
