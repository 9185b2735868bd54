"""What comes after the topic: the examples for databases and alerts, run against the real ones."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb
import pgserver
import psycopg
import pytest
from confluent_kafka import Producer

from schemas.emotion_label import EmotionLabel
from schemas.examples.downstream.anger_surge import Surge
from tests.harness.apache_kafka import KafkaUnderTest
from tests.harness.flink import run_flink_sql
from tests.harness.independent import NewRecord, committed_offsets, create_topic, produce, read_topic
from tests.harness.jars import JarsUnavailableError

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
LABELS = sorted((EXAMPLES / "emotion_label" / "valid").iterdir())
MINUTE_MS = 60_000
KEPT = {"retention.ms": "-1"}  # labels of a fixed time are old

Query = Callable[[str], list[Any]]


def run(name: str, servers: str, *arguments: str) -> str:
    script = EXAMPLES / "downstream" / f"{name}.py"
    done = subprocess.run(
        [sys.executable, str(script), f"--bootstrap-servers={servers}", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")  # type: ignore[attr-defined]
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["postgres", "duckdb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Query]:
    """Its name for the example, and how the test asks it."""
    if request.param == "duckdb":
        file = str(tmp_path / "labels.duckdb")

        def ask(query: str) -> list[Any]:
            with duckdb.connect(file) as connection:
                return connection.execute(query).fetchall()

        return file, ask
    url: str = request.getfixturevalue("postgres")

    def ask_server(query: str) -> list[Any]:
        with psycopg.connect(url) as connection:
            return connection.execute(query).fetchall()

    return url, ask_server


def test_every_label_is_a_row_once_until_its_text_is_deleted(
    database: tuple[str, Query], apache_kafka: KafkaUnderTest
) -> None:
    (url, ask), servers = database, apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    produce(servers, topic, [NewRecord(path.read_bytes(), path.stem.encode()) for path in LABELS])
    options = [url, f"--topic={topic}", f"--group={topic}-rows"]
    rows = f"FROM emotion_labels WHERE topic = '{topic}'"

    run("to_table", servers, *options, "--count=4")
    run("to_table", servers, *options, f"--count={len(LABELS) - 4}")
    run("to_table", servers, url, f"--topic={topic}", f"--group={topic}-again", f"--count={len(LABELS)}")

    found = ask(f'SELECT "key", id, label, score, source_offset, tokens {rows} ORDER BY "offset"')
    written = [(path.stem, json.loads(path.read_bytes())) for path in LABELS]
    assert found == [
        (
            key,
            *(label[name] for name in ("id", "label", "score")),
            (label["source"] or {}).get("offset"),
            label["tokens"],
        )
        for key, label in written
    ]
    assert committed_offsets(servers, f"{topic}-rows", topic) == {0: len(LABELS)}

    produce(servers, topic, [NewRecord(None, LABELS[0].stem.encode())])
    run("to_table", servers, *options, "--count=1")
    assert ask(f"SELECT count(*) {rows}") == [(len(LABELS) - 1,)]


def test_any_id_has_its_row_and_a_deletion_is_of_its_own_topic_alone(
    database: tuple[str, Query], apache_kafka: KafkaUnderTest
) -> None:
    (url, ask), servers = database, apache_kafka.bootstrap_servers
    first, second = create_topic(servers), create_topic(servers)
    label = json.loads(LABELS[0].read_bytes())
    odd = json.dumps(label | {"id": "a\0b", "copied": {"c\0": "d\0"}}).encode()  # what PostgreSQL's text cannot hold
    produce(servers, first, [NewRecord(odd, b"k")])
    produce(servers, second, [NewRecord(odd, b"k"), NewRecord(None, b"k")])

    run("to_table", servers, url, f"--topic={first}", f"--group={first}-rows", "--count=1")
    run("to_table", servers, url, f"--topic={second}", f"--group={second}-rows", "--count=2")

    query = "SELECT id FROM emotion_labels WHERE topic = '{}'"
    ids = {topic: ask(query.format(topic)) for topic in (first, second)}
    assert ids == {first: [("a\N{REPLACEMENT CHARACTER}b",)], second: []}


def test_the_table_holds_every_field_of_the_contract() -> None:
    table = (EXAMPLES / "downstream" / "emotion_labels.sql").read_text(encoding="utf-8")

    columns = {line.split()[0].strip('"') for line in table.splitlines() if line.startswith("    ")}
    renamed = {"labelled_at_ms": "labelled_at", "source": "source_topic"}
    assert {renamed.get(field.name, field.name) for field in fields(EmotionLabel)} <= columns


def test_a_surge_is_told_when_it_comes_and_when_it_goes(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers, config=KEPT)
    label = json.loads((EXAMPLES / "emotion_label/valid/from_kafka.json").read_bytes()) | {"confident": True}
    start_ms = 1_764_000_000_000
    minutes = [(minute, "anger" if 60 <= minute < 65 or minute % 10 == 0 else "joy") for minute in range(90)]
    told = [
        NewRecord(json.dumps(label | {"label": name}).encode(), timestamp_ms=start_ms + minute * MINUTE_MS + second)
        for minute, name in minutes
        for second in range(0, 60_000, 6_000)
    ]
    produce(servers, topic, told)

    lines = run("anger_surge", servers, f"--topic={topic}", f"--count={len(told)}").splitlines()

    assert [line.split(" anger ")[0][11:16] for line in lines] == ["17:01", "17:07"]
    assert "(rises from 9%)" in lines[0]
    assert "(back near" in lines[1]


def test_flink_counts_the_committed_labels_of_each_customer_and_minute(
    apache_kafka: KafkaUnderTest, tmp_path: Path
) -> None:
    servers = apache_kafka.bootstrap_servers
    labels, counts = create_topic(servers, partitions=2, config=KEPT), create_topic(servers)
    label = json.loads((EXAMPLES / "emotion_label/valid/from_kafka.json").read_bytes()) | {"confident": True}
    start_ms = 1_764_000_000_000

    def said(customer: str | None, minute: int, emotion: str, score: float, **other: object) -> NewRecord:
        value = json.dumps(label | {"label": emotion, "score": score} | other).encode()
        key = None if customer is None else customer.encode()
        return NewRecord(value, key, partition=0, timestamp_ms=start_ms + minute * MINUTE_MS)

    produce(
        servers,
        labels,
        [
            said("a", 0, "joy", 0.8),
            said("a", 0, "joy", 0.6),
            said("a", 0, "fear", 0.9),
            said("b", 0, "joy", 0.9),
            said("a", 1, "joy", 0.5),
            said("a", 1, "joy", 0.2, confident=False),
            said(None, 1, "joy", 0.9),
            NewRecord(None, b"a", partition=0, timestamp_ms=start_ms),
        ],
    )
    aborted = said("a", 1, "joy", 0.9)
    producer = Producer({"bootstrap.servers": servers, "transactional.id": labels})
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(labels, aborted.value, aborted.key, partition=0, timestamp=aborted.timestamp_ms or 0)
    producer.flush()
    producer.abort_transaction()
    script = (EXAMPLES / "downstream" / "emotions_per_minute.sql").read_text(encoding="utf-8")
    for name, here in (("localhost:9092", servers), ("'emotion-labels'", f"'{labels}'")):
        script = script.replace(name, here)
    script = script.replace("'topic' = 'emotions-per-minute'", f"'topic' = '{counts}'")
    script = script.replace("'scan.startup.mode'", "'scan.bounded.mode' = 'latest-offset', 'scan.startup.mode'")
    file = tmp_path / "emotions.sql"
    file.write_text(script, encoding="utf-8")

    try:
        run_flink_sql(file)
    except JarsUnavailableError as error:
        pytest.skip(f"no Flink: {error}")

    found = [json.loads(record.value or b"") for record in read_topic(servers, counts, at_least=4)]
    assert sorted(tuple(row.values()) for row in found) == [
        ("a", "2025-11-24 16:00:00", "fear", 1, 0.9),
        ("a", "2025-11-24 16:00:00", "joy", 2, 0.7),
        ("a", "2025-11-24 16:01:00", "joy", 1, 0.5),
        ("b", "2025-11-24 16:00:00", "joy", 1, 0.9),
    ]


def test_a_few_labels_are_no_surge() -> None:
    surge = Surge("anger", 5, 60, 3)

    assert [surge.add(minute * MINUTE_MS, "anger" if minute > 60 else "joy") for minute in range(70)] == [None] * 70
