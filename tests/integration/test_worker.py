"""The worker between two topics of real Apache Kafka, watched by another client."""

import re
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import torch
from jsonschema import Draft202012Validator
from transformers import pipeline

from schemas.published import documents
from tests.harness.eventually import eventually
from tests.harness.faulty_worker import MODULE as FAULTY_WORKER
from tests.harness.faulty_worker import SLOW_SECONDS, break_model
from tests.harness.independent import (
    NewRecord,
    RunningReader,
    StoredRecord,
    add_partitions,
    delete_records,
    delete_topic,
    end_offsets,
    produce,
    read_topic,
)
from tests.harness.odd_records import produce_raw_header_key
from tests.integration.conftest import Stream, identities, message, set_config

TEXTS = [
    "i feel so loved today",
    "HOW could they do this to me?!",
    "a bit scared of tomorrow",
    "Wow. just wow",
    "ok",
    "i miss you " * 40,
]


def numbered(count: int, partitions: int = 2) -> list[NewRecord]:
    return [
        message(f"m{index}", f"{TEXTS[index % len(TEXTS)]} {index}", partition=index % partitions)
        for index in range(count)
    ]


def places_in_order(stream: Stream, labels: list[StoredRecord]) -> bool:
    """Whether each label's source precedes that of the next one in its partition, which has the same number."""
    last: dict[int, int] = {}
    for record in labels:
        source = orjson.loads(record.value or b"null")["source"]
        if source["partition"] != record.partition or source["offset"] <= last.get(record.partition, -1):
            return False
        last[record.partition] = source["offset"]
    return True


def test_every_message_is_labelled_once_and_in_order_and_as_transformers_labels_it(stream: Stream) -> None:
    records = numbered(1000)
    with stream.worker() as worker:
        worker.wait_until_ready()
        places = stream.produce(records)
        labels = stream.labels(len(records))
        assert worker.terminate() == 0
    assert sorted(identities(labels)) == sorted(f"m{index}" for index in range(len(records)))
    assert places_in_order(stream, labels)
    check = Draft202012Validator(orjson.loads(documents()["emotion-label.schema.json"]))
    reference = pipeline("text-classification", str(stream.model), dtype=torch.float32)
    by_id = {orjson.loads(record.value or b"")["id"]: record for record in labels}
    for index in range(0, len(records), 37):
        text = orjson.loads(records[index].value or b"")["text"]
        record = by_id[f"m{index}"]
        label = orjson.loads(record.value or b"")
        check.validate(label)
        expected = reference(text, truncation=True)[0]
        assert (label["label"], label["score"]) == (expected["label"], pytest.approx(expected["score"], abs=1e-3))
        assert record.key == f"m{index}".encode()
        assert (label["source"]["partition"], label["source"]["offset"]) == places[index]
        assert record.timestamp_ms == label["source"]["timestamp_ms"]
        assert label["truncated"] == (len(text) > 100)
    assert len({orjson.loads(record.value or b"")["label"] for record in labels}) > 1


def test_lag_reaches_zero_behind_another_producers_transactions(stream: Stream) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": stream.servers, "transactional.id": stream.group})
    producer.init_transactions()
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(stream.input, b'{"text": "in a transaction"}', partition=0)
        producer.flush(30)
        end()
    with stream.worker() as worker:
        worker.wait_until_ready()
        ends = end_offsets(stream.servers, stream.input)
        assert ends == {0: 4, 1: 0}  # two records, two markers
        eventually(lambda: stream.committed().get(0) == 4, 60, "the committed offset is behind the last marker")
        assert len(stream.labels(1)) == 1  # the aborted one is none


ODD_VALUES: list[tuple[bytes | None, str]] = [
    (b'{"text": "fine"}', "label"),
    (b'{"text": "broken', "invalid_json"),
    (b'"a string"', "not_an_object"),
    (b'{"id": "1"}', "missing_text"),
    (b'{"text": null}', "missing_text"),
    (b'{"text": 42}', "wrong_type"),
    (b'{"text": ""}', "empty_text"),
    (b'{"text": " \\n "}', "empty_text"),
    (b'{"text": "\xff\xfe"}', "invalid_utf8"),
    (orjson.dumps({"text": "long " * 1_000_000}), "label"),
    (b"x" * 5_000_000, "invalid_json"),
    (None, "tombstone"),
    (orjson.dumps({"text": "\N{FACE WITH TEARS OF JOY}" * 100_000}), "label"),
    (orjson.dumps({"text": "أنا سعيد جدا اليوم"}), "label"),
    (orjson.dumps({"text": "วันนี้ฉันมีความสุขมาก"}), "label"),
    (b'{"text": "bell \\u0007 null \\u0000 escape \\u001b"}', "label"),
    (b'{"a":' * 2000 + b"1" + b"}" * 2000, "invalid_json"),
    (b'{"text": "the first", "text": "the last"}', "label"),
    (b'{"text": "' + b"a" * 20_000 + b'"}', "label"),
    (b"", "invalid_json"),
]


def test_every_odd_record_is_answered_by_a_label_or_a_dead_letter_with_its_reason(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream(topic_config={"max.message.bytes": "8000000"})
    records = [
        NewRecord(value, str(index).encode(), (("n", None), ("mine", b"1")))
        for index, (value, _) in enumerate(ODD_VALUES)
    ]
    nobody = NewRecord(None, None)
    with stream.worker() as worker:
        worker.wait_until_ready()
        stream.produce([*records, nobody])
        produce_raw_header_key(
            stream.servers, stream.input, b"\xff\xfe", before=[message("before", "b")], after=[message("after", "a")]
        )
        expected = [answer for _, answer in ODD_VALUES]
        refused = [answer for answer in expected if answer not in ("label", "tombstone")]
        labels = stream.labels(len(expected) - len(refused) + 3)
        letters = stream.letters(len(refused) + 1)
        assert worker.terminate() == 0

    answered: dict[bytes | None, str] = {}
    for record in labels:
        answered[record.key] = "label" if record.value is not None else "tombstone"
    for record in letters:
        headers = dict(record.headers)
        answered[record.key] = (headers["dead-letter-reason"] or b"").decode()
        assert record.value == (records[int(record.key)].value if record.key else b"")
    by_number = [answered[str(index).encode()] for index in range(len(ODD_VALUES))]
    assert by_number == expected
    assert answered[b"before"] == answered[b"after"] == "label"
    odd_header = [dict(record.headers) for record in labels if "\\xff\\xfe" in dict(record.headers)]
    assert odd_header == [{"\\xff\\xfe": b"value"}]
    assert [dict(r.headers)["dead-letter-reason"] for r in letters if r.key is None] == [b"null_key_and_value"]
    assert all(dict(r.headers)["n"] == b"" for r in [*labels, *letters] if r.key and r.key.isdigit())
    assert len(labels) + len(letters) == len(ODD_VALUES) + 4


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_a_dead_letter_topic_that_refuses_ends_the_worker_and_a_new_start_mends_it(
    delivery: str, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream(settings={"delivery": delivery})
    with stream.worker() as worker:
        worker.wait_until_ready()
        set_config(stream.servers, stream.dead_letters, max_message_bytes=5000)
        stream.produce([message("before", "a label"), NewRecord(b"y" * 20_000, b"big"), message("after", "a label")])
        assert worker.wait_for_exit() == 2
    assert re.search(r"the brokers refuse an outcome \(.*MessageSizeTooLargeError", worker.log)
    assert stream.committed().get(0, 0) + stream.committed().get(1, 0) < 3
    with stream.worker():
        stream.wait_until_read()
    (letter,) = stream.letters(1)
    labels = stream.labels(2)
    assert dict(letter.headers)["dead-letter-original-bytes"] == b"20003"
    assert sorted(set(identities(labels))) == ["after", "before"]


def test_a_dead_letter_larger_than_its_topic_is_cut_and_says_so(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(topic_config={"max.message.bytes": "100000"})
    set_config(stream.servers, stream.input, max_message_bytes=8_000_000)
    with stream.worker() as worker:
        worker.wait_until_ready()
        stream.produce([NewRecord(b"y" * 5_000_000, b"big"), message("small", "a small one")])
        (letter,) = stream.letters(1)
        assert identities(stream.labels(1)) == ["small"]
    headers = dict(letter.headers)
    assert letter.key == b"big"
    assert letter.value is not None
    assert 90_000 < len(letter.value) < 100_000
    assert headers["dead-letter-original-bytes"] == b"5000003"


def test_a_killed_worker_loses_nothing_and_in_exactly_once_repeats_nothing(stream: Stream) -> None:
    records = numbered(10_000)
    stream.produce(records)
    with RunningReader(stream.servers, stream.output) as reader, stream.worker() as first:
        eventually(lambda: reader.records, 90, "the first labels are out", interval_s=0.01)
        first.kill()
    done = len(read_topic(stream.servers, stream.output))
    assert done < len(records), "killed too late to prove anything"
    with stream.worker() as second:
        stream.wait_until_read()
        assert second.terminate() == 0
    labels = stream.labels(len(records))
    found = identities(labels)
    assert set(found) == {f"m{index}" for index in range(len(records))}
    if stream.settings["delivery"] == "exactly_once":
        assert len(found) == len(records)
        assert places_in_order(stream, labels)
    else:
        assert len(found) <= len(records) + 100  # one window at most comes again


def test_sigterm_finishes_the_window_at_hand_and_repeats_nothing(stream: Stream) -> None:
    records = numbered(10_000)
    stream.produce(records)
    with RunningReader(stream.servers, stream.output) as reader, stream.worker() as first:
        eventually(lambda: reader.records, 90, "the first labels are out", interval_s=0.01)
        assert first.terminate() == 0
    labelled = read_topic(stream.servers, stream.output)
    assert sum(stream.committed().values()) == len(labelled) < len(records)
    with stream.worker() as second:
        labels = stream.labels(len(records))
        assert second.terminate() == 0
    assert len(labels) == len(records)
    assert places_in_order(stream, labels)


def test_a_new_group_starts_with_the_earliest_record(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream()
    stream.produce([message("early", "before any worker ran")])
    with stream.worker():
        assert identities(stream.labels(1)) == ["early"]


def test_a_group_that_starts_with_the_latest_still_reads_what_arrives_while_it_is_down(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream()
    stream.produce([message("old", "before any worker ran")])
    with stream.worker(start_offset="latest") as first:
        first.wait_until_ready()
        eventually(lambda: len(stream.committed()) == 2, 60, "the start is committed")
        first.kill()
    stream.produce([message("while down", "nobody listens", partition=0), message("also", "nobody", partition=1)])
    with stream.worker(start_offset="latest"):
        assert sorted(identities(stream.labels(2))) == ["also", "while down"]


@pytest.mark.parametrize("start_offset", ["earliest", "latest"])
def test_a_partition_added_while_running_is_read_from_its_beginning(
    start_offset: str, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream(settings={"start_offset": start_offset, "metadata_max_age_ms": 1000})
    with stream.worker() as worker:
        worker.wait_until_ready()
        for topic in (stream.output, stream.dead_letters, stream.input):
            add_partitions(stream.servers, topic, 3)
        stream.produce([message("new", "in the new partition", partition=2)])
        (label,) = stream.labels(1)
        assert worker.terminate() == 0
    assert label.partition == 2


def test_an_input_that_outgrows_the_output_ends_the_worker_with_the_mend(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"metadata_max_age_ms": 1000})
    with stream.worker() as worker:
        worker.wait_until_ready()
        add_partitions(stream.servers, stream.input, 3)
        stream.produce([message("new", "in the new partition", partition=2)])
        assert worker.wait_for_exit() == 2
    assert f"topic {stream.output} has no partition 2" in worker.log
    assert stream.committed().get(2, 0) == 0


def test_retention_that_overtakes_the_group_stops_the_worker_and_says_what_was_lost(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream()
    stream.produce([message(str(index), "text", partition=0) for index in range(10)])
    with stream.worker() as first:
        stream.labels(10)
        assert first.terminate() == 0
    stream.produce([message(str(index), "text", partition=0) for index in range(10, 40)])
    assert stream.worker().check()[0] == 0
    delete_records(stream.servers, stream.input, {0: 25})
    code, report = stream.worker().check()
    assert code == 1
    assert "partition 0: 15 records were deleted before they were read" in report
    with stream.worker() as second:
        assert second.wait_for_exit() == 2
    assert "partition 0: 15 records were deleted before they were read" in second.log
    assert f"--topic {stream.input}:0 --reset-offsets --to-earliest" in second.log
    assert stream.committed()[0] == 10
    assert len(stream.labels(10)) == 10


def test_start_up_says_everything_that_is_missing(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(partitions=3)
    small = make_stream(partitions=2)
    with stream.worker(output_topic="no-such-topic", dead_letter_topic=small.dead_letters) as worker:
        assert worker.wait_for_exit() == 2
    assert "topic no-such-topic (EMOTION_OUTPUT_TOPIC) does not exist" in worker.log
    assert f"give {small.dead_letters} at least 3" in worker.log


def test_a_session_longer_than_the_brokers_allow_a_transaction_names_the_setting(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream(settings={"delivery": "exactly_once"})
    with stream.worker(session_timeout_ms=1_000_000, max_poll_interval_ms=2_100_000) as worker:
        assert worker.wait_for_exit() == 2
    assert "EMOTION_SESSION_TIMEOUT_MS" in worker.log
    assert "transaction.max.timeout.ms" in worker.log


def test_texts_may_lie_deep_in_an_object_or_be_the_whole_value(make_stream: Callable[..., Stream]) -> None:
    nested = make_stream(settings={"text_field": "data.body"})
    produce(nested.servers, nested.input, [NewRecord(b'{"data": {"body": "deep"}}')])
    plain = make_stream(settings={"input_format": "text"})
    produce(plain.servers, plain.input, [NewRecord(b'{"not": "read as json"}')])
    for stream in (nested, plain):
        with stream.worker():
            assert len(stream.labels(1)) == 1


def test_every_compression_can_be_read(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    kinds = ["gzip", "snappy", "lz4", "zstd"]
    for kind in kinds:
        records = [message(f"{kind}-{index}", "the same text again " * 20) for index in range(50)]
        produce(stream.servers, stream.input, records, compression=kind)
    with stream.worker():
        assert len(stream.labels(200)) == 200


def test_no_text_is_logged(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    secret = "swordfish"  # noqa: S105
    with stream.worker() as worker:
        worker.wait_until_ready()
        stream.produce(
            [
                message("1", f"{secret} in a text"),
                NewRecord(f'{{"text": "{secret}'.encode(), secret.encode()),
                NewRecord(f'{{"text": ["{secret}"]}}'.encode(), headers=((secret, secret.encode()),)),
            ]
        )
        letters = stream.letters(2)
        stream.labels(1)
        assert worker.terminate() == 0
    assert secret not in worker.log
    assert not [r for r in letters if secret.encode() in (dict(r.headers)["dead-letter-detail"] or b"")]


def test_the_models_weights_may_be_of_any_other_classifier(make_stream: Callable[..., Stream], tmp_path: Path) -> None:
    from tests.harness.tiny_model import write_tiny_model

    three = write_tiny_model(tmp_path / "reviews", id2label={0: "bad", 1: "so-so", 2: "good"})
    stream = make_stream(settings={"model": three})
    stream.produce([message("1", "what a film")])
    with stream.worker():
        label = orjson.loads(stream.labels(1)[0].value or b"")
    assert list(label["scores"]) == ["bad", "so-so", "good"]
    assert label["model"]["name"] == "reviews"


def test_check_reports_every_part_joins_no_group_and_leaves_one_transactional_id(
    make_stream: Callable[..., Stream],
) -> None:
    stream = make_stream()
    code, report = stream.worker().check()
    assert code == 0, report
    assert re.findall(r"^ok +(\S+)", report, re.MULTILINE) == [
        "settings",
        "broker",
        "topics",
        "group",
        "delivery",
        "model",
    ]
    assert f"EMOTION_GROUP_ID={stream.group}" in report
    assert re.search(r"^hint +broker +texts travel unencrypted: use EMOTION_SECURITY_PROTOCOL", report, re.MULTILINE)
    code, report = stream.worker(output_topic="no-such-topic", model="/nowhere").check("--json")
    assert code == 1
    findings = orjson.loads(report)
    assert {frozenset(finding) for finding in findings} == {frozenset({"check", "ok", "detail", "mend"})}
    assert [finding["check"] for finding in findings if not finding["ok"]] == ["topics", "model"]
    code, report = stream.worker(bootstrap_servers="127.0.0.1:1").check()
    assert code == 1
    assert re.findall(r"^PROBLEM +(\S+)", report, re.MULTILINE) == ["broker"]
    code, report = stream.worker(delivery="perhaps").check("--json")
    assert code == 1
    assert [finding["check"] for finding in orjson.loads(report)] == ["settings"]
    assert not any(stream.committed().values())
    # Two of these checks came to the brokers' transactions.
    assert stream.transactional_ids() == [f"{stream.group}-check"]


def test_a_stream_of_nothing_but_dead_letters_stops_the_worker(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream()
    stream.produce([NewRecord(b"plain text, no JSON")] * 5000)
    with stream.worker() as worker:
        assert worker.wait_for_exit() == 2
    assert "EMOTION_INPUT_FORMAT" in worker.log
    letters = read_topic(stream.servers, stream.dead_letters)
    assert sum(stream.committed().values()) == len(letters) < 5000


def test_a_topic_that_is_deleted_while_running_stops_the_worker(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"metadata_max_age_ms": 1000})
    with stream.worker() as worker:
        worker.wait_until_ready()
        delete_topic(stream.servers, stream.input)
        assert worker.wait_for_exit() == 2
    assert f"topic {stream.input} does not exist any more" in worker.log


def test_a_forward_pass_longer_than_the_session_costs_nothing(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"session_timeout_ms": (SLOW_SECONDS - 3) * 1000})
    with stream.worker(FAULTY_WORKER) as worker:
        worker.wait_until_ready()
        break_model(stream.folder, worker.process.pid, "slow")
        stream.produce(numbered(20))
        assert len(stream.labels(20)) == 20
        assert worker.terminate() == 0
    assert worker.log.count("partitions_assigned") == 1
    assert "window_not_delivered" not in worker.log


def test_a_device_that_fails_is_told_in_a_line_and_nothing_is_committed(stream: Stream) -> None:
    with stream.worker(FAULTY_WORKER) as worker:
        worker.wait_until_ready()
        break_model(stream.folder, worker.process.pid, "throw")
        stream.produce(numbered(20))
        assert worker.wait_for_exit() == 1
    assert "Traceback" not in worker.log
    last = worker.log.splitlines()[-1]
    assert last.startswith("emotion-worker: the model fails on its device: RuntimeError: the device says no: ")
    assert "EMOTION_DEVICE" in last
    assert not any(stream.committed().values())
    with stream.worker() as next_one:
        assert len(stream.labels(20)) == 20
        assert next_one.terminate() == 0


def test_a_newcomer_waits_for_a_forward_pass_longer_than_the_session(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"session_timeout_ms": (SLOW_SECONDS - 3) * 1000})
    with stream.worker(FAULTY_WORKER) as busy:
        busy.wait_until_ready()
        break_model(stream.folder, busy.process.pid, "slow")
        stream.produce(numbered(20))
        with stream.worker() as newcomer:
            newcomer.wait_until_ready()
            assert len(stream.labels(20)) == 20
            assert [newcomer.terminate(), busy.terminate()] == [0, 0]
    assert "window_not_delivered" not in busy.log


def test_a_static_member_that_restarts_moves_no_partitions(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"session_timeout_ms": 30_000, "group_instance_id": "worker-0"})
    with stream.worker(group_instance_id="worker-1") as other:
        other.wait_until_ready()
        with stream.worker() as first:
            eventually(lambda: re.search(r'"partitions":\[\d\]', first.log), 90, "the first has its partition")
            eventually(lambda: re.search(r'"partitions":\[\d\]', other.log), 90, "the other has kept one")
            assert first.terminate() == 0
        stream.produce(numbered(200))
        with stream.worker():
            assert len(stream.labels(200)) == 200
        assert other.log.count('"partitions":[0,1]') == 1, "it took over what the restarting one has"


def test_a_second_worker_of_the_same_static_name_ends_the_first(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(settings={"group_instance_id": "worker-0"})
    with stream.worker() as first:
        first.wait_until_ready()
        with stream.worker() as second:
            stream.produce(numbered(100))
            assert first.wait_for_exit() == 2
            assert sorted(identities(stream.labels(100))) == sorted(f"m{index}" for index in range(100))
            assert second.terminate() == 0
    assert "same EMOTION_GROUP_INSTANCE_ID" in first.log
