"""A challenger that is given the settings of live workers, of which some are not meant for it."""

from collections import Counter
from pathlib import Path

import orjson

from tests.harness.challenger import challenger, content, pipeline_labels, wait_until_compared
from tests.harness.guarded_registry import PASSWORD, USER, GuardedRegistry
from tests.harness.independent import forget_group, read_topic
from tests.harness.schema_registry import SchemaRegistry
from tests.integration.conftest import Stream, message

COUNT = 40


def labelled(stream: Stream, **settings: object) -> None:
    stream.produce([message(f"m{n}", f"text number {n}", partition=n % 2) for n in range(COUNT)])
    with stream.worker(**settings) as worker:
        stream.wait_until_read()
        assert worker.terminate() == 0


def compare(stream: Stream, model: Path, **settings: object) -> None:
    with challenger(stream.worker(**settings), stream.folder, model) as running:
        wait_until_compared(stream.servers, f"{stream.group}-challenger", stream.output)
        assert running.terminate() == 0


def test_what_the_live_model_must_give_to_texts_of_its_user_is_not_asked_of_the_challenger(
    rivals: tuple[Stream, str], tiny_model: Path, other_model: Path, tmp_path: Path
) -> None:
    stream, _ = rivals
    label = pipeline_labels(tiny_model, ["my text"])[0]["label"]
    golden = tmp_path / "golden.jsonl"
    golden.write_bytes(orjson.dumps({"text": "my text", "label": label}))
    labelled(stream, golden_set=golden)
    worker = stream.worker(golden_set=golden)
    done = worker.command("run", f"--challenger={other_model}", "--from=earliest", "--until=now")
    assert done.returncode == 0, done.stderr
    assert orjson.loads(done.stdout.splitlines()[-1])["compared"] == COUNT
    code, report = worker.check(f"--challenger={other_model}")
    assert code == 0, report


def test_beside_two_deployments_it_looks_at_the_labels_of_both_and_repeats_none_where_its_offsets_are_gone(
    rivals: tuple[Stream, str], other_model: Path
) -> None:
    stream, topic = rivals
    labelled(stream)
    for _ in range(2):
        compare(stream, other_model, key_share="99-100")
        forget_group(stream.servers, f"{stream.group}-challenger")
    found = Counter(content(record)["id"] for record in read_topic(stream.servers, topic, at_least=COUNT))
    assert found == {f"m{n}": 1 for n in range(COUNT)}


def test_a_registry_that_is_away_is_waited_for(
    rivals: tuple[Stream, str], other_model: Path, registry: SchemaRegistry
) -> None:
    stream, topic = rivals
    with GuardedRegistry(registry.url) as front:
        stream.settings |= {
            "schema_registry_url": front.url,
            "schema_registry_username": USER,
            "schema_registry_password": PASSWORD,
            "output_format": "avro",
        }
        labelled(stream)
        front.out_of_order = 10**6
        with challenger(stream.worker(), stream.folder, other_model) as running:
            running.wait_for("schema_registry_away")
            front.out_of_order = 0
            wait_until_compared(stream.servers, f"{stream.group}-challenger", stream.output)
            assert running.terminate() == 0
            assert (running.summary()["compared"], running.summary()["unmatched"]) == (COUNT, {})
    assert len(read_topic(stream.servers, topic, at_least=COUNT)) == COUNT
