"""The worker on a broker that asks who it is: TLS, SASL and ACLs of real Apache Kafka."""

import logging
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from confluent_kafka.admin import ResourceType

from tests.harness.faulty_worker import MODULE as FAULTY_WORKER
from tests.harness.faulty_worker import break_model
from tests.harness.independent import NewRecord, create_topic, produce, read_topic
from tests.harness.otlp_collector import OtlpCollector, attributes
from tests.harness.ports import free_port
from tests.harness.proxy import SASL_AUTHENTICATE, TcpProxy
from tests.harness.secured_kafka import KEY_PASSWORD, PASSWORD, PLAIN_USER, SecuredKafka
from tests.harness.tiny_model import LABELS, write_tiny_model
from tests.harness.token_endpoint import TokenEndpoint
from tests.harness.worker_process import WorkerProcess
from tests.integration.conftest import Stream, identities, make_producers_beside_a_silent_server, message
from worker.commands.check import check
from worker.errors import UserError
from worker.kafka.clients import KafkaClients
from worker.kafka.hanging_transactions import end_hanging_transactions
from worker.settings import Settings, load_settings

USER = "scram-user"
CERTIFIED_USER = "mutual-user"
CLIENT_ID, CLIENT_SECRET = "the:client", "the secret: of it"
WRONG = "not-the-password"
TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def secured(apache_kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with SecuredKafka(apache_kafka_jars, tmp_path_factory.mktemp("secured-kafka")) as secured:
        secured.set_password(USER, "SCRAM-SHA-512")
        secured.set_password(USER, "SCRAM-SHA-256")
        yield secured


def scram(secured: SecuredKafka, **changes: object) -> dict[str, Any]:
    """Settings of a user with a password."""
    return {
        "bootstrap_servers": secured.servers("SASL"),
        "ssl_ca_file": secured.certificates.path("ca.pem"),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": USER,
        "sasl_password": PASSWORD,
    } | changes


def tls(secured: SecuredKafka, listener: str, certificate: str | None = None, **changes: object) -> dict[str, Any]:
    """Settings without a password, perhaps with a certificate."""
    files = {"ssl_ca_file": "ca.pem"}
    if certificate:
        files |= {"ssl_certificate_file": f"{certificate}.pem", "ssl_key_file": f"{certificate}.key"}
    paths = {name: secured.certificates.path(file) for name, file in files.items()}
    return {"bootstrap_servers": secured.servers(listener)} | paths | changes


def locked(secured: SecuredKafka, password: str) -> dict[str, Any]:
    key = secured.certificates.path("client.locked.key")
    return tls(secured, "MUTUAL", "client", ssl_key_file=key, ssl_key_password=password)


def rights(stream: Stream) -> dict[str, tuple[ResourceType, str, str]]:
    """All that a worker needs, and no more."""
    return {
        "input": (ResourceType.TOPIC, stream.input, "READ"),
        "output": (ResourceType.TOPIC, stream.output, "WRITE"),
        "output, to read": (ResourceType.TOPIC, stream.output, "READ"),
        "dead letters": (ResourceType.TOPIC, stream.dead_letters, "WRITE"),
        "dead letters, to read": (ResourceType.TOPIC, stream.dead_letters, "READ"),
        "group": (ResourceType.GROUP, stream.group, "READ"),
        "transactional id": (ResourceType.TRANSACTIONAL_ID, f"{stream.group}-*", "WRITE"),
    }


def rights_to_replay(stream: Stream) -> dict[str, tuple[ResourceType, str, str]]:
    """What `dead-letters replay` needs beside them."""
    return {
        "input, to write": (ResourceType.TOPIC, stream.input, "WRITE"),
        "replay's group": (ResourceType.GROUP, f"{stream.group}-replay-*", "READ"),
    }


def rights_to_label_again(stream: Stream, second: str, letters: str) -> dict[str, tuple[ResourceType, str, str]]:
    """What `run --from` with `--to` and `--compare` needs beside them."""
    return {
        "second labels": (ResourceType.TOPIC, second, "WRITE"),
        "second labels, to read": (ResourceType.TOPIC, second, "READ"),
        "second dead letters": (ResourceType.TOPIC, letters, "WRITE"),
        "second dead letters, to read": (ResourceType.TOPIC, letters, "READ"),
        "the run's group": (ResourceType.GROUP, f"{stream.group}-relabel-*", "READ"),
    }


def rights_to_challenge(stream: Stream, topic: str) -> dict[str, tuple[ResourceType, str, str]]:
    """All that `run --challenger` needs."""
    return {
        "texts": (ResourceType.TOPIC, stream.input, "READ"),
        "labels": (ResourceType.TOPIC, stream.output, "READ"),
        "disagreements": (ResourceType.TOPIC, topic, "WRITE"),
        "disagreements, to read": (ResourceType.TOPIC, topic, "READ"),
        "group": (ResourceType.GROUP, f"{stream.group}-challenger", "READ"),
        "transactional id": (ResourceType.TRANSACTIONAL_ID, f"{stream.group}-challenger-*", "WRITE"),
    }


def rights_to_measure(command: str) -> dict[str, tuple[ResourceType, str, str]]:
    """All that `bench` or `demo` needs on a cluster: topics, a group and transactional ids of its own."""
    names = f"emotion-{command}-*"
    return {
        "topics, to create": (ResourceType.TOPIC, names, "CREATE"),
        "topics, to delete": (ResourceType.TOPIC, names, "DELETE"),
        "topics, to read": (ResourceType.TOPIC, names, "READ"),
        "topics, to write": (ResourceType.TOPIC, names, "WRITE"),
        "group": (ResourceType.GROUP, names, "READ"),
        "transactional id": (ResourceType.TRANSACTIONAL_ID, names, "WRITE"),
    }


def test_the_rights_in_the_documentation_are_those_that_are_tested_here() -> None:
    page = (Path(__file__).parents[2] / "docker" / "SECURITY.md").read_text()
    shown = re.findall(r"^\$acls --operation (\w+) --(\S+) (\S+)", page, re.MULTILINE)
    defaults = Settings.model_fields
    names = {name: defaults[name].default for name in ("input_topic", "output_topic", "dead_letter_topic", "group_id")}
    stream: Any = SimpleNamespace(
        input=names["input_topic"],
        output=names["output_topic"],
        dead_letters=names["dead_letter_topic"],
        group=names["group_id"],
    )
    second, challenger = f"{stream.output}-v2", defaults["challenger_topic"].default
    more = rights_to_replay(stream), rights_to_label_again(stream, second, f"{second}-dead-letters")
    tested = [
        (operation.capitalize(), kind.name.lower().replace("_", "-"), name.removesuffix("*"))
        for each in (rights(stream), *more, rights_to_challenge(stream, challenger), rights_to_measure("bench"))
        for kind, name, operation in each.values()
    ]
    assert shown == tested


@pytest.fixture
def make_secured(secured: SecuredKafka, tiny_model: Path, tmp_path: Path) -> Callable[..., Stream]:
    """A stream whose user has every right that a worker needs, but one."""

    def make(settings: dict[str, Any], user: str = USER, without: str | None = None) -> Stream:
        stream = Stream(secured.open_servers, tmp_path, tiny_model, settings=settings)
        for name, (kind, resource, operation) in rights(stream).items():
            if name != without:
                secured.grant(user, kind, resource, [operation])
        return stream

    return make


def checked(stream: Stream, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    """Exit code and findings of `emotion-worker check --json`."""
    monkeypatch.chdir(stream.folder)
    for name, value in stream.worker().environment.items():
        monkeypatch.setenv(name, value)
    code = check(as_json=True)
    return code, orjson.loads(capsys.readouterr().out)


@pytest.mark.parametrize("way", ["password", "certificate"])
def test_a_worker_with_no_more_than_the_rights_it_needs_labels_exactly_once(
    way: str,
    secured: SecuredKafka,
    make_secured: Callable[..., Stream],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings, user = {
        "password": (scram(secured), USER),
        "certificate": (locked(secured, KEY_PASSWORD), CERTIFIED_USER),
    }[way]
    stream = make_secured(settings, user)
    code, findings = checked(stream, monkeypatch, capsys)
    assert code == 0, findings
    with stream.worker() as worker:
        stream.produce([message(str(index), f"text {index}") for index in range(200)] + [NewRecord(b"no JSON", b"k")])
        labels = stream.labels(200)
        assert len(stream.letters(1)) == 1
        assert worker.terminate() == 0
    assert sorted(map(int, identities(labels))) == list(range(200))


def of_a_user_of_its_own(
    secured: SecuredKafka, make_secured: Callable[..., Stream], more: Callable[[Stream], dict[str, Any]], missing: str
) -> Stream:
    """A stream whose user has a worker's rights and `more`, without the one of that name."""
    user = f"user-{uuid.uuid4().hex[:8]}"  # what others were granted by the same prefix does not count
    secured.set_password(user, "SCRAM-SHA-512")
    stream = make_secured(scram(secured, sasl_username=user), user)
    for name, (kind, resource, operation) in more(stream).items():
        if name != missing:
            secured.grant(user, kind, resource, [operation])
    return stream


@pytest.mark.parametrize("missing", ["", "input, to write", "replay's group"])
def test_replay_needs_its_rights_and_no_more(
    missing: str, secured: SecuredKafka, make_secured: Callable[..., Stream]
) -> None:
    stream = of_a_user_of_its_own(secured, make_secured, rights_to_replay, missing)
    said = {"reason": "model_failed", "detail": "why", "origin": f"{stream.input}-1-0", "model": "m@sha256:00"}
    headers = tuple((f"dead-letter-{name}", value.encode()) for name, value in (said | {"at-ms": "1"}).items())
    letters = [NewRecord(orjson.dumps({"text": f"text {n}"}), b"k", headers, partition=1) for n in range(3)]
    produce(stream.servers, stream.dead_letters, letters)
    done = stream.worker().command("dead-letters", "replay")
    if missing:
        assert done.returncode == 2, done.stderr
        assert read_topic(stream.servers, stream.input) == []
    else:
        assert done.returncode == 0, done.stderr
        assert len(read_topic(stream.servers, stream.input, at_least=3)) == 3
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "missing",
    [
        "",
        "second labels",
        "second labels, to read",
        "second dead letters",
        "second dead letters, to read",
        "the run's group",
    ],
)
def test_labelling_a_range_again_needs_its_rights_and_no_more(
    missing: str, secured: SecuredKafka, make_secured: Callable[..., Stream]
) -> None:
    second, letters = (create_topic(secured.open_servers, prefix="second", partitions=2) for _ in range(2))
    stream = of_a_user_of_its_own(secured, make_secured, lambda s: rights_to_label_again(s, second, letters), missing)
    stream.produce([message(str(index), f"text {index}") for index in range(20)] + [NewRecord(b"no JSON", b"k")])
    with stream.worker() as worker:
        stream.labels(20)
        assert worker.terminate() == 0
    command = ["run", "--from=earliest", "--until=now", f"--to={second}", f"--dead-letters={letters}"]
    done = stream.worker().command(*command, f"--compare={stream.output}")
    if missing:
        assert done.returncode == 2, done.stderr
        assert read_topic(stream.servers, second) == []
    else:
        assert done.returncode == 0, done.stderr
        assert len(read_topic(stream.servers, second, at_least=20)) == 20
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "missing",
    [
        "",
        "texts",
        "labels",
        "disagreements",
        "disagreements, to read",
        "group",
        "transactional id",
    ],
)
def test_a_challenger_needs_its_rights_and_no_more(
    missing: str, secured: SecuredKafka, make_secured: Callable[..., Stream], tmp_path: Path
) -> None:
    stream = make_secured(scram(secured))
    topic = create_topic(secured.open_servers, prefix="disagreements", partitions=2)
    user = f"user-{uuid.uuid4().hex[:8]}"
    secured.set_password(user, "SCRAM-SHA-512")
    for name, (kind, resource, operation) in rights_to_challenge(stream, topic).items():
        if name != missing:
            secured.grant(user, kind, resource, [operation])
    other = write_tiny_model(tmp_path / "other", id2label={number: name.upper() for number, name in enumerate(LABELS)})
    stream.produce([message(str(index), f"text {index}") for index in range(20)])
    with stream.worker() as worker:
        stream.labels(20)
        assert worker.terminate() == 0
    command = ["run", f"--challenger={other}", "--from=earliest", "--until=now", f"--group={stream.group}-challenger"]
    challenger = stream.worker(challenger_topic=topic, **scram(secured, sasl_username=user))
    done = challenger.command(*command)
    if missing:
        assert done.returncode == 2, done.stderr
        assert challenger.check(f"--challenger={other}")[0] == 1
        assert read_topic(stream.servers, topic) == []
    else:
        assert done.returncode == 0, done.stderr
        assert challenger.check(f"--challenger={other}")[0] == 0
        assert len(read_topic(stream.servers, topic, at_least=20)) == 20
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command", [("bench", "--texts=50", "--records=200", "--rounds=1"), ("demo",)], ids=lambda command: command[0]
)
def test_bench_and_demo_run_with_these_rights_alone(
    command: tuple[str, ...], secured: SecuredKafka, tiny_model: Path, tmp_path: Path
) -> None:
    user = f"user-{command[0]}"
    secured.set_password(user, "SCRAM-SHA-512")
    for kind, name, operation in rights_to_measure(command[0]).values():
        secured.grant(user, kind, name, [operation])
    done = WorkerProcess(tmp_path, **scram(secured, sasl_username=user), model=tiny_model, batch_tokens=512).command(
        *command
    )
    assert done.returncode == 0, done.stderr


def oauth(secured: SecuredKafka, endpoint: TokenEndpoint, secret: str = CLIENT_SECRET) -> dict[str, Any]:
    """Settings of a user with tokens."""
    return {
        "bootstrap_servers": secured.servers("SASL"),
        "ssl_ca_file": secured.certificates.path("ca.pem"),
        "sasl_mechanism": "OAUTHBEARER",
        "oauth_token_url": endpoint.url,
        "oauth_client_id": CLIENT_ID,
        "oauth_client_secret": secret,
        "oauth_scope": "kafka",
    }


def test_every_mechanism_connects(secured: SecuredKafka) -> None:
    with TokenEndpoint("oauth-user", CLIENT_ID, CLIENT_SECRET) as endpoint:
        for settings in (
            scram(secured, sasl_mechanism="SCRAM-SHA-256"),
            scram(secured, sasl_mechanism="PLAIN", sasl_username=PLAIN_USER),
            scram(
                secured,
                security_protocol="SASL_PLAINTEXT",
                bootstrap_servers=secured.servers("OPENSASL"),
                ssl_ca_file=None,
            ),
            oauth(secured, endpoint),
        ):
            with KafkaClients(load_settings(**settings)).admin() as admin:
                assert admin.brokers() == 1


def test_extensions_reach_the_broker_beside_the_token(secured: SecuredKafka) -> None:
    seen: list[bytes] = []

    def note(api_key: int, frame: bytes) -> None:
        if api_key == SASL_AUTHENTICATE:
            seen.append(frame)

    with (
        TokenEndpoint("oauth-user", CLIENT_ID, CLIENT_SECRET) as endpoint,
        TcpProxy(free_port(), secured.cluster.nodes[0].more_ports["OPENSASL"]) as proxy,
    ):
        proxy.on_request = note
        plain = {"bootstrap_servers": proxy.address, "security_protocol": "SASL_PLAINTEXT", "ssl_ca_file": None}
        extensions = {"oauth_extensions": "logicalCluster=lkc-1,identityPoolId=pool-1,pool-2"}
        with KafkaClients(load_settings(**oauth(secured, endpoint) | plain | extensions)).admin() as admin:
            assert admin.brokers() == 1
    assert b"\x01logicalCluster=lkc-1\x01identityPoolId=pool-1,pool-2\x01\x01" in seen[0]


@pytest.mark.parametrize(("life_seconds", "asked"), [(3600, 1), (0, 2)])
def test_a_token_serves_for_many_connections_while_it_is_good(
    life_seconds: float, asked: int, secured: SecuredKafka
) -> None:
    with TokenEndpoint("oauth-user", CLIENT_ID, CLIENT_SECRET, life_seconds) as endpoint:
        broker = KafkaClients(load_settings(**oauth(secured, endpoint)))
        for _ in range(2):
            with broker.admin():  # one connection
                pass
        assert endpoint.requests == ["grant_type=client_credentials&scope=kafka"] * asked


def test_what_a_token_endpoint_refuses_is_told_and_what_may_pass_is_tried_again(
    secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TokenEndpoint("oauth-user", CLIENT_ID, CLIENT_SECRET) as endpoint:
        with pytest.raises(UserError, match=r"answers 401: .* EMOTION_OAUTH_CLIENT_SECRET") as refusal:
            KafkaClients(load_settings(**oauth(secured, endpoint, secret=WRONG))).admin()
        assert WRONG not in str(refusal.value)
        endpoint.status = 302  # followed, it would take the secret elsewhere
        with pytest.raises(UserError, match="answers 302"):
            KafkaClients(load_settings(**oauth(secured, endpoint))).admin()
        monkeypatch.setattr("worker.kafka.clients._BOOTSTRAP_TIMEOUT_MS", 1000)
        endpoint.status = 503
        with pytest.raises(UserError, match=r"no Kafka broker answers .*token endpoint answers 503"):
            KafkaClients(load_settings(**oauth(secured, endpoint))).admin()
        assert len(endpoint.requests) > 2


REFUSALS: dict[str, tuple[Callable[[SecuredKafka], dict[str, Any]], str]] = {
    "wrong password": (lambda k: scram(k, sasl_password=WRONG), "does not accept .* EMOTION_SASL_MECHANISM and"),
    "unknown user": (lambda k: scram(k, sasl_username="nobody"), "does not accept .* EMOTION_SASL_MECHANISM and"),
    "wrong password, PLAIN": (lambda k: scram(k, sasl_mechanism="PLAIN"), "does not accept"),
    "unknown CA": (
        lambda k: scram(k, ssl_ca_file=k.certificates.path("foreign-ca.pem")),
        "cannot be trusted .* EMOTION_SSL_CA_FILE",
    ),
    "expired broker": (lambda k: tls(k, "EXPIRED"), "has expired.*: renew it on the broker"),
    "another host": (lambda k: tls(k, "MISNAMED"), "for another host .* advertised.listeners"),
    "no certificate": (lambda k: tls(k, "MUTUAL"), "refuses our TLS .* EMOTION_SSL_CERTIFICATE_FILE"),
    "expired certificate": (lambda k: tls(k, "MUTUAL", "expired-client"), "refuses our TLS .* has not expired"),
    "unknown certificate": (lambda k: tls(k, "MUTUAL", "foreign-client"), "refuses our TLS .* a CA signed"),
    "plaintext on a TLS port": (lambda k: {"bootstrap_servers": k.servers("SASL")}, "speaks TLS: .*SECURITY_PROTOCOL"),
    "SASL without TLS on a TLS port": (
        lambda k: scram(k, security_protocol="SASL_PLAINTEXT", ssl_ca_file=None),
        "speaks TLS: set EMOTION_SECURITY_PROTOCOL",
    ),
    "SASL on a port without": (lambda k: scram(k) | tls(k, "MUTUAL", "client"), "asks for no SASL"),
    "TLS on a plaintext port": (
        lambda k: {"bootstrap_servers": k.open_servers, "security_protocol": "SSL"},
        r"no Kafka broker answers .* speaks SSL \(EMOTION_SECURITY_PROTOCOL\)",
    ),
    "no user on a SASL port": (
        lambda k: {"bootstrap_servers": k.servers("OPENSASL")},
        r"no Kafka broker answers .* speaks PLAINTEXT \(EMOTION_SECURITY_PROTOCOL\)",
    ),
    "key without its password": (lambda k: locked(k, "x"), "EMOTION_SSL_KEY_FILE.* EMOTION_SSL_KEY_PASSWORD"),
    "key of another": (
        lambda k: tls(k, "MUTUAL", "client", ssl_key_file=k.certificates.path("server.key")),
        "cannot be used together",
    ),
    "CA file that is none": (
        lambda k: tls(k, "MUTUAL", ssl_ca_file=k.certificates.path("client.key")),
        "EMOTION_SSL_CA_FILE.* PEM file of CA",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_a_broker_refuses_is_told_with_its_mend(
    case: str, secured: SecuredKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_settings, told = REFUSALS[case]
    monkeypatch.setattr("worker.kafka.clients._BOOTSTRAP_TIMEOUT_MS", 1000)  # where it is tried again, it ends sooner
    with pytest.raises(UserError, match=told):
        KafkaClients(load_settings(**make_settings(secured))).admin()


def test_a_wrong_password_ends_run_and_is_found_by_check(
    secured: SecuredKafka,
    make_secured: Callable[..., Stream],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = make_secured(scram(secured, sasl_password=WRONG))
    with stream.worker() as worker:
        assert worker.wait_for_exit() == 2
    assert "check EMOTION_SASL_MECHANISM and its credentials" in worker.log
    code, findings = checked(stream, monkeypatch, capsys)
    assert code == 1
    assert [finding["check"] for finding in findings if not finding["ok"]] == ["broker"]
    assert WRONG not in worker.log + orjson.dumps(findings).decode()


MISSING_RIGHTS = {
    "input": ("topics", "Describe on it"),  # without a right on it a topic cannot even be seen
    "output": ("topics", "grant it Write on the topic"),
    "output, to read": ("topics", "grant it Read on the topic"),
    "dead letters": ("topics", "grant it Write on the topic"),
    "dead letters, to read": ("topics", "grant it Read on the topic"),
    "group": ("group", "Read on the consumer group"),
    "transactional id": ("delivery", "Write and Describe on the transactional ids"),
}


@pytest.mark.parametrize("missing", MISSING_RIGHTS)
def test_a_right_that_is_missing_is_named_by_check_and_ends_run(
    missing: str,
    secured: SecuredKafka,
    make_secured: Callable[..., Stream],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found_by, mend = MISSING_RIGHTS[missing]
    stream = make_secured(scram(secured), without=missing)
    code, findings = checked(stream, monkeypatch, capsys)
    assert code == 1
    ((part, told),) = [(finding["check"], finding["mend"]) for finding in findings if not finding["ok"]]
    assert part == found_by
    assert mend in told
    with stream.worker() as worker:
        assert worker.wait_for_exit() == 2
    assert mend in worker.log


def test_a_right_that_is_taken_away_while_running_ends_the_worker(
    secured: SecuredKafka, make_secured: Callable[..., Stream]
) -> None:
    stream = make_secured(scram(secured))
    with stream.worker() as worker:
        worker.wait_until_ready()
        secured.revoke(USER, *rights(stream)["output"])
        stream.produce([message("1", "a text")])
        assert worker.wait_for_exit() == 2
    assert "Write and Describe (exactly once also Read) on the output" in worker.log
    assert sum(stream.committed().values()) == 0


def test_what_hangs_in_the_offsets_of_the_group_is_looked_for_with_the_right_to_read_them_alone(
    secured: SecuredKafka, make_secured: Callable[..., Stream], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "worker")
    stream = of_a_user_of_its_own(secured, make_secured, lambda _: {}, "")
    names = {"group_id": stream.group, "output_topic": stream.output, "dead_letter_topic": stream.dead_letters}
    settings = load_settings(**(stream.settings | names))
    with stream.worker() as worker:
        stream.produce([message("1", "a text")])
        stream.labels(1)  # so that there are offsets of groups
        assert worker.terminate() == 0
    end_hanging_transactions(KafkaClients(settings), settings)
    assert [record for record in caplog.records if record.name.startswith("worker.")] == []
    end_hanging_transactions(KafkaClients(settings), settings, are_offsets_withheld=True)
    (left,) = [record for record in caplog.records if record.name == "worker.kafka.hanging_transactions"]
    assert left.message == "abandoned_transactions_left"
    assert "grant it Read on the topic __consumer_offsets" in left.__dict__["error"]
    caplog.clear()
    secured.grant(str(settings.sasl_username), ResourceType.TOPIC, "__consumer_offsets", ["READ"])
    end_hanging_transactions(KafkaClients(settings), settings, are_offsets_withheld=True)
    assert [record for record in caplog.records if record.name.startswith("worker.")] == []


def test_a_password_that_is_revoked_while_running_ends_the_worker(
    secured: SecuredKafka, make_secured: Callable[..., Stream]
) -> None:
    user = "leaver"
    secured.set_password(user, "SCRAM-SHA-256")
    stream = make_secured(scram(secured, sasl_mechanism="SCRAM-SHA-256", sasl_username=user), user)
    with stream.worker() as worker:
        worker.wait_until_ready()
        secured.revoke_password(user, "SCRAM-SHA-256")
        assert worker.wait_for_exit() == 2
    assert "check EMOTION_SASL_MECHANISM and its credentials" in worker.log


def test_a_password_that_is_revoked_ends_spare_workers_too(
    secured: SecuredKafka, make_secured: Callable[..., Stream]
) -> None:
    user = "spare"
    secured.set_password(user, "SCRAM-SHA-256")
    stream = make_secured(scram(secured, sasl_mechanism="SCRAM-SHA-256", sasl_username=user), user)
    with stream.worker() as worker, stream.worker() as second, stream.worker() as third:
        for each in (worker, second, third):
            each.wait_until_ready()
        secured.revoke_password(user, "SCRAM-SHA-256")
        assert [each.wait_for_exit() for each in (worker, second, third)] == [2, 2, 2]
    for each in (worker, second, third):
        assert "check EMOTION_SASL_MECHANISM and its credentials" in each.log


def test_neither_secrets_nor_texts_are_logged_or_traced_while_bad_things_happen(
    secured: SecuredKafka, make_secured: Callable[..., Stream], collector: OtlpCollector
) -> None:
    text, api_key = "swordfish", "key-of-the-collector"
    stream = make_secured(scram(secured))
    worker = stream.worker(FAULTY_WORKER)
    worker.environment |= collector.environment | {"OTEL_EXPORTER_OTLP_HEADERS": f"api-key={api_key},{api_key}"}
    with worker.start("run", "--log-level", "debug"):
        worker.wait_until_ready()
        stream.produce(
            [
                message("1", f"{text} in a text"),
                NewRecord(f'{{"text": "{text}'.encode(), text.encode()),
                NewRecord(f'{{"text": ["{text}"]}}'.encode(), None, ((text, text.encode()),)),
                NewRecord(b"", text.encode(), (("traceparent", TRACEPARENT), ("tracestate", text.encode()))),
            ]
        )
        stream.letters(3)
        break_model(stream.folder, worker.process.pid, "throw")
        stream.produce([message(str(index), f"{text} once more {index}") for index in range(3)])
        assert worker.wait_for_exit() == 1
    assert "the device says no" in worker.log
    assert "DeviceFailedError" in [attributes(span).get("error.type") for span in collector.spans("predict")]
    assert api_key in [headers["api-key"] for headers in collector.headers]
    traces = b"".join(collector.bodies).decode("latin-1")
    for secret in (text, PASSWORD, api_key):
        assert secret not in worker.log
        assert secret not in traces
    assert "the device says no" not in traces


@pytest.mark.timeout(120)  # the client itself waits for the handshake without end
def test_a_server_that_never_answers_the_handshake_is_passed_over(secured: SecuredKafka) -> None:
    make_producers_beside_a_silent_server(**scram(secured))
