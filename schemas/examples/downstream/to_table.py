"""Writes labels into a table of PostgreSQL or DuckDB, each once: to copy and to change.

Needs `pip install 'psycopg[binary]'` or `pip install duckdb`.
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import ConsumerRecord

TABLE = (Path(__file__).parent / "emotion_labels.sql").read_text(encoding="utf-8")
INSERT = f"INSERT INTO emotion_labels VALUES ({', '.join(['%s'] * 21)}) ON CONFLICT DO NOTHING"  # noqa: S608 - marks
# A tombstone: the producer has deleted what it sent under this key.
DELETE = 'DELETE FROM emotion_labels WHERE topic = %s AND "key" = %s'


def main() -> None:
    """Write until Ctrl-C, or until so many records are written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", help="postgresql://user@host/database, or a file of DuckDB")
    parser.add_argument("--bootstrap-servers", default="localhost:9092", help="(default: %(default)s)")
    parser.add_argument("--topic", default="emotion-labels", help="(default: %(default)s)")
    parser.add_argument("--group", default="labels-to-table", help="(default: %(default)s)")
    parser.add_argument("--count", type=int, metavar="N", help="stop after N records (default: Ctrl-C)")
    arguments = parser.parse_args()

    with (
        suppress(KeyboardInterrupt),
        closing(connect(arguments.database)) as database,
        KafkaConsumer(
            arguments.topic,
            bootstrap_servers=arguments.bootstrap_servers,
            isolation_level="read_committed",  # or it reads labels that were taken back
            group_id=arguments.group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        ) as consumer,
    ):
        database.execute(TABLE)
        left = arguments.count
        while left is None or left > 0:
            polled = consumer.poll(timeout_ms=1000, max_records=left)
            records = [record for partition in polled.values() for record in partition]
            write(database, records)
            if records:
                consumer.commit()  # after the database: a crash in between repeats rows, which their key leaves out
            left = None if left is None else left - len(records)


def connect(url: str) -> Any:
    """A connection to either database, in which nothing but BEGIN begins a transaction."""
    if url.startswith(("postgresql://", "postgres://")):
        import psycopg

        return psycopg.connect(url, autocommit=True)
    import duckdb

    return duckdb.connect(url)


def write(database: Any, records: Sequence[ConsumerRecord]) -> None:
    """Writes all of them, or none."""
    mark = "?" if type(database).__module__.startswith(("duckdb", "_duckdb")) else "%s"
    database.execute("BEGIN")
    for record in records:
        if record.value is None:
            database.execute(DELETE.replace("%s", mark), (record.topic, text(record.key)))
        else:
            database.execute(INSERT.replace("%s", mark), row(record))
    database.execute("COMMIT")


def row(record: ConsumerRecord) -> tuple[Any, ...]:
    """A label as the table has it."""
    label = json.loads(record.value)
    source = label["source"] or {}
    return (
        *(record.topic, record.partition, record.offset, text(record.key)),
        *(label["schema_version"], storable(label["id"]), label["label"], label["score"], label["confident"]),
        *(json.dumps(label["labels"]) if label.get("labels") is not None else None, json.dumps(label["scores"])),
        *(label["tokens"], label["truncated"], label["model"]["name"], label["model"]["revision"]),
        *(source.get("topic"), source.get("partition"), source.get("offset"), moment(source.get("timestamp_ms"))),
        *(moment(label["labelled_at_ms"]), json.dumps(label.get("copied", {}))),
    )


def moment(ms: int | None) -> datetime | None:
    """Milliseconds since 1970 as a time."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def text(key: bytes | None) -> str | None:
    """A key as text."""
    return None if key is None else storable(key.decode(errors="replace"))


def storable(string: str) -> str:
    """A string without NUL: PostgreSQL has none with it."""
    return string.replace("\0", "\N{REPLACEMENT CHARACTER}")


if __name__ == "__main__":
    main()
