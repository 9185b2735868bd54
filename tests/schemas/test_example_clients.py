"""The contract's runnable examples, as their users run them: beside a worker on real Kafka."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from schemas.emotion_label import EmotionLabel
from schemas.examples.read import line
from tests.harness.apache_kafka import KafkaUnderTest
from tests.harness.independent import NewRecord, create_topic, produce, read_topic
from tests.harness.tiny_model import LABELS, write_tiny_model
from tests.integration.conftest import Stream

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
TEXTS = ["i feel so loved today", "HOW could they?!", "ein Gedicht für Zoë 🙂", "a bit scared of tomorrow"]


def command(name: str, servers: str, *arguments: str) -> list[str]:
    return [sys.executable, str(EXAMPLES / f"{name}.py"), f"--bootstrap-servers={servers}", *arguments]


def run(name: str, servers: str, *arguments: str, text: str = "") -> list[list[str]]:
    """What an example prints, line by line, each as its first word and the rest."""
    done = subprocess.run(
        command(name, servers, *arguments), input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split(maxsplit=1) for line in done.stdout.splitlines()]


@pytest.fixture
def stream(apache_kafka: KafkaUnderTest, tmp_path: Path) -> Stream:
    model = write_tiny_model(tmp_path / "tiny")
    return Stream(apache_kafka.bootstrap_servers, tmp_path, model, settings={"delivery": "exactly_once"})


def test_every_text_that_the_example_sends_comes_back_to_the_reader_with_its_label(
    stream: Stream, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join([*TEXTS, " ", ""]), encoding="utf-8")
    from_labels = f"--topic={stream.output}"
    with stream.worker():
        sent = dict(run("produce", stream.servers, f"--topic={stream.input}", str(texts)))
        sent |= dict(run("produce", stream.servers, f"--topic={stream.input}", text="typed by hand\r\n"))
        assert sorted(sent.values()) == sorted([*TEXTS, "typed by hand"])
        printed = run("read", stream.servers, from_labels, f"--count={len(sent)}")
        stream.produce([NewRecord(None, b"gone")])

        members = [from_labels, f"--group={stream.group}-reader", "--json"]
        whole = run("read", stream.servers, *members, "--count=3")
        whole += run("read", stream.servers, *members, f"--count={len(sent) + 1 - 3}")
    assert {identity for identity, _ in printed} == set(sent)
    assert all(re.fullmatch(rf"({'|'.join(LABELS)}) [01]\.\d\d\d", label) for _, label in printed)
    labels = [orjson.loads(" ".join(line)) for line in whole]
    assert sorted(label["id"] for label in labels if label) == sorted(sent)  # the group's second member went on
    assert labels.count(None) == 1
    assert set(EmotionLabel.__dataclass_fields__) <= set(labels[0] or labels[1])


@pytest.mark.parametrize(
    ("example", "shown"),
    [
        ("multi_label", "gratitude, joy, admiration 0.941"),
        ("multi_label_none", "(none) 0.021"),
        ("from_kafka", "joy 0.982"),
    ],
)
def test_the_reader_shows_what_a_text_was_given_by_models_of_either_kind(example: str, shown: str) -> None:
    value = (EXAMPLES / "emotion_label/valid" / f"{example}.json").read_bytes()
    assert line(None, value, as_json=False) == f"{orjson.loads(value)['id']} {shown}"


def test_the_reader_shows_a_tombstone_and_ends_on_ctrl_c(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers)
    produce(servers, topic, [NewRecord(None, b"gone")])
    with subprocess.Popen(
        command("read", servers, f"--topic={topic}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background has them ignore Ctrl-C, and so the reader.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as reader:
        try:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "gone deleted\n"
            reader.send_signal(signal.SIGINT)
            assert reader.communicate(timeout=30) == ("", "")
        finally:
            reader.kill()
    assert reader.returncode == 0


def test_the_producer_fails_if_a_text_was_not_stored(apache_kafka: KafkaUnderTest) -> None:
    servers = apache_kafka.bootstrap_servers
    topic = create_topic(servers, config={"max.message.bytes": "1000"})
    done = subprocess.run(
        command("produce", servers, f"--topic={topic}"),
        input="short\n" + "long " * 1000,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "MessageSizeTooLargeError" in done.stderr.splitlines()[-1]
    assert len(read_topic(servers, topic)) == 1  # the short one
