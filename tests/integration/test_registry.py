"""Labels and texts through a real schema registry, with Confluent's own serializers on the other side."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
import trustme
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from pydantic import TypeAdapter

from schemas.emotion_label import EmotionLabel
from schemas.published import documents
from tests.conftest import KafkaUnderTest
from tests.harness.guarded_registry import PASSWORD, USER, GuardedRegistry
from tests.harness.independent import NewRecord, StoredRecord, create_topic, read_topic
from tests.harness.ports import free_port
from tests.harness.schema_registry import SchemaRegistry
from tests.integration.conftest import Stream, message
from worker.errors import UserError
from worker.messages.schema_registry import SCHEMA_FILES, LabelSubject, label_writer
from worker.settings import Settings, load_settings

LOGIN = {"schema_registry_username": USER, "schema_registry_password": PASSWORD}
SCHEMA_FILE = SCHEMA_FILES["json_schema"]
RELEASED = Path(__file__).parents[2] / "schemas/released/1/emotion-label.schema.json"
LABEL = TypeAdapter(EmotionLabel).validate_json(
    (RELEASED.parents[2] / "examples/emotion_label/valid/from_kafka.json").read_bytes()
)
ANOTHER = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"mood": {"type": "integer"}},
    "required": ["mood"],
}


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with the registry's certificate and its CA."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    return tmp_path


def settings_of(url: str, **more: object) -> Settings:
    """Of a worker whose output topic has a subject that no other test has."""
    return load_settings(**{"schema_registry_url": url, "output_topic": f"out-{uuid.uuid4().hex[:8]}"} | more)


def value_context(topic: str, record: StoredRecord | None = None) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE, list(record.headers) if record else [])


def serialized(registry: SchemaRegistry, topic: str, content: dict[str, Any]) -> NewRecord:
    """A text as Confluent's serializer writes it."""
    schema = documents()["text-message.schema.json"].decode()
    value = JSONSerializer(schema, registry.client)(content, value_context(topic))
    return NewRecord(value, content["id"].encode(), (("__value_schema_id", b"of the text"),), partition=0)


def test_confluents_serializers_write_texts_and_read_labels_on_topics_with_plain_ones(
    registry: SchemaRegistry, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream(settings={"schema_registry_url": registry.url})
    texts = [serialized(registry, stream.input, {"id": f"c{n}", "text": f"text {n}"}) for n in range(5)]
    no_json, cut = b"\0\0\0\0\x07\x0cavro", b"\0\0"
    stream.produce(
        [message("plain", "plain JSON", partition=0), *texts, NewRecord(no_json, b"k"), NewRecord(cut, b"k")]
    )
    with stream.worker() as worker:
        labels, letters = stream.labels(6), stream.letters(2)
        assert worker.terminate() == 0
    read = JSONDeserializer(None, schema_registry_client=registry.client)
    # Its header would lead the reader to the schema of the text.
    assert all(header != "__value_schema_id" for label in labels for header, _ in label.headers)
    found = [read(label.value, value_context(stream.output, label)) for label in labels]
    assert [label["id"] for label in found] == ["plain", *(f"c{n}" for n in range(5))]
    assert registry.client.get_latest_version(f"{stream.output}-value").schema.schema_str == (
        documents()[SCHEMA_FILE].decode()
    )
    assert sorted((letter.value, dict(letter.headers)["dead-letter-reason"]) for letter in letters) == [
        (cut, b"invalid_json"),
        (no_json, b"invalid_json"),
    ]
    details = [dict(letter.headers)["dead-letter-detail"] or b"" for letter in letters]
    assert any(b"(behind schema id 7)" in detail for detail in details)


def test_a_bounded_run_registers_its_own_topic_and_compares_with_labels_of_both_formats(
    registry: SchemaRegistry, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream()
    second, letters = (create_topic(stream.servers, prefix=prefix, partitions=2) for prefix in ("second", "letters"))
    for labelled, settings in ((5, {}), (10, {"schema_registry_url": registry.url})):
        stream.produce([message(f"m{n}", f"text number {n}", partition=0) for n in range(5)])
        with stream.worker(**settings) as worker:
            stream.labels(labelled)
            assert worker.terminate() == 0
    old = [record.value or b"" for record in stream.labels(10)]
    assert [value[:1] for value in old] == [b"{"] * 5 + [b"\0"] * 5
    command = ["run", "--from=earliest", "--until=now", f"--to={second}", f"--dead-letters={letters}"]
    done = stream.worker(schema_registry_url=registry.url).command(*command, f"--compare={stream.output}")
    assert done.returncode == 0, done.stderr
    figures = orjson.loads(done.stdout.splitlines()[-1])
    assert (figures["labelled"], figures["compared"], figures["changed"]) == (10, 10, [])
    assert registry.versions(f"{second}-value") == [1]
    assert all((record.value or b"").startswith(b"\0") for record in read_topic(stream.servers, second, at_least=10))


def test_the_check_tells_what_the_registry_holds_and_registers_nothing(
    registry: SchemaRegistry, apache_kafka: KafkaUnderTest, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream()
    subject = f"{stream.output}-value"
    with GuardedRegistry(registry.url) as guarded:
        worker = stream.worker(schema_registry_url=guarded.url, **LOGIN)
        code, report = worker.check()
        assert (code, f"subject {subject} will hold the label's schema" in report) == (0, True), report
        assert "the password travels unencrypted" in report
        assert registry.versions(subject) == []
        schema_id = registry.register(subject, documents()[SCHEMA_FILE].decode())
        code, report = worker.check()
        assert (code, f"holds the label's schema under id {schema_id}" in report) == (0, True), report
        code, report = stream.worker(schema_registry_url=guarded.url).check("--json")
        (problem,) = [result for result in orjson.loads(report) if not result["ok"]]
        assert (code, problem["check"]) == (1, "registry")
        assert "EMOTION_SCHEMA_REGISTRY_PASSWORD" in problem["mend"]


def test_a_schema_that_is_there_needs_no_right_to_register(registry: SchemaRegistry) -> None:
    with GuardedRegistry(registry.url, may_register=False) as guarded:
        settings = settings_of(guarded.url, **LOGIN, schema_registry_register=False)
        schema_id = registry.register(f"{settings.output_topic}-value", documents()[SCHEMA_FILE].decode())
        assert label_writer(settings)(LABEL).startswith(b"\0" + schema_id.to_bytes(4, "big") + b"{")


def test_a_registry_behind_tls_and_a_password_that_is_out_of_order_for_a_moment_is_asked_again(
    registry: SchemaRegistry, certificates: Path
) -> None:
    with GuardedRegistry(registry.url, certificates / "server.pem") as guarded:
        guarded.out_of_order = 1
        settings = settings_of(guarded.url, **LOGIN, schema_registry_ca_file=certificates / "ca.pem")
        assert label_writer(settings)(LABEL).startswith(b"\0")
        assert registry.versions(f"{settings.output_topic}-value") == [1]


def test_the_label_of_the_last_release_gives_way_to_todays_under_the_level_that_the_mend_names(
    registry: SchemaRegistry,
) -> None:
    settings = settings_of(registry.url)
    subject = f"{settings.output_topic}-value"
    older = orjson.loads(RELEASED.read_bytes()) | {"$schema": ANOTHER["$schema"]}
    registry.register(subject, orjson.dumps(older).decode())
    registry.set_compatibility(subject, "BACKWARD")
    with pytest.raises(UserError, match="set the subject's compatibility level to FORWARD"):
        label_writer(settings)
    registry.set_compatibility(subject, "FORWARD")
    assert label_writer(settings)(LABEL).startswith(b"\0")
    assert registry.versions(subject) == [1, 2]


@pytest.mark.parametrize("way", ["register", "rehearse"])
def test_a_schema_that_does_not_get_in_is_refused_with_the_mend_also_by_the_rehearsal(
    way: str, registry: SchemaRegistry
) -> None:
    foreign = settings_of(registry.url)
    registry.register(f"{foreign.output_topic}-value", orjson.dumps(ANOTHER).decode())
    registry.set_compatibility(f"{foreign.output_topic}-value", "FULL")
    with GuardedRegistry(registry.url, may_register=False) as guarded:
        for settings, told in [
            (foreign, rf"not compatible with the latest one of subject {foreign.output_topic}-value \(.+: if that is"),
            (settings_of(guarded.url, **LOGIN), "register nothing .*denied operation Write.*: grant it Write"),
            (settings_of(registry.url, schema_registry_register=False), f"`emotion-worker schema {SCHEMA_FILE}`"),
        ]:
            with pytest.raises(UserError, match=told):
                getattr(LabelSubject(settings), way)()
    assert registry.versions(f"{foreign.output_topic}-value") == [1]


def test_a_registry_that_cannot_be_used_is_refused_with_the_setting_and_no_secret_is_shown(
    registry: SchemaRegistry, certificates: Path
) -> None:
    with (
        GuardedRegistry(registry.url) as guarded,
        GuardedRegistry(registry.url, certificates / "server.pem") as secured,
    ):
        for url, more, told in [
            (guarded.url, LOGIN | {"schema_registry_password": "wrong-one"}, "EMOTION_SCHEMA_REGISTRY_PASSWORD"),
            (guarded.url, {}, "does not accept who we say we are: check EMOTION_SCHEMA_REGISTRY_USERNAME"),
            (secured.url, LOGIN, "cannot be trusted .*EMOTION_SCHEMA_REGISTRY_CA_FILE"),
            (secured.url, {"schema_registry_ca_file": __file__}, "EMOTION_SCHEMA_REGISTRY_CA_FILE: .*PEM file"),
            (f"http://{urlsplit(registry.url).netloc}/", {}, "EMOTION_SCHEMA_REGISTRY_URL must be the root of the API"),
            (f"http://127.0.0.1:{free_port()}", {}, "no schema registry answers .*EMOTION_SCHEMA_REGISTRY_URL"),
        ]:
            with pytest.raises(UserError, match=told) as refusal:
                label_writer(settings_of(url, **more))
            assert "wrong-one" not in str(refusal.value)
            assert PASSWORD not in str(refusal.value)
