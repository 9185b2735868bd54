"""AWS_MSK_IAM, before a real broker whose front checks the signatures; never run on AWS itself."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.eventually import eventually
from tests.harness.iam_front import IamFront
from tests.harness.secured_kafka import Certificates
from tests.integration.conftest import Stream, identities, message
from worker.errors import UserError
from worker.kafka.clients import KafkaClients
from worker.kafka.fatal_errors import FatalConnectionError
from worker.kafka.patches.msk_iam import MskIam, use_aws_credentials
from worker.settings import load_settings

REGION = "eu-west-3"
CREDENTIALS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a+token/with=signs")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("msk") / "certificates")


@pytest.fixture
def front(breakable_kafka: ApacheKafka, certificates: Certificates) -> Iterator[IamFront]:
    (node,) = breakable_kafka.nodes
    certificate = certificates.path("server.keystore")
    with IamFront(node.proxy_port, node.proxied_port, certificate, CREDENTIALS, REGION) as front:
        yield front


@pytest.fixture(autouse=True)
def set_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Sets variables of AWS; nothing of this machine's own account is left."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)

    def set_variables(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"AWS_{name}", str(value))

    set_variables(
        EC2_METADATA_DISABLED="true", CONFIG_FILE=tmp_path / "none", SHARED_CREDENTIALS_FILE=tmp_path / "none"
    )
    return set_variables


def sign_as(credentials: Credentials) -> dict[str, object]:
    return {
        "ACCESS_KEY_ID": credentials.access_key,
        "SECRET_ACCESS_KEY": credentials.secret_key,
        "SESSION_TOKEN": credentials.token,
        "REGION": REGION,
    }


def settings(front: IamFront, certificates: Certificates) -> dict[str, Any]:
    return {
        "bootstrap_servers": f"{front.host}:{front.port}",
        "ssl_ca_file": certificates.path("ca.pem"),
        "sasl_mechanism": "AWS_MSK_IAM",
    }


def test_a_worker_signs_in_and_again_when_its_session_ends(
    front: IamFront,
    certificates: Certificates,
    breakable_kafka: ApacheKafka,
    set_aws: Callable[..., None],
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    set_aws(**sign_as(CREDENTIALS))
    front.session_lifetime_ms = 3_000
    stream = Stream(breakable_kafka.bootstrap_servers, tmp_path, tiny_model)
    with stream.worker(**settings(front, certificates)) as worker:
        stream.produce([message(str(n), f"text {n}", partition=0) for n in range(50)])
        stream.labels(50)
        eventually(lambda: len(front.logins) > len(set(front.logins)) + 2, 60, "connections sign in again")
        stream.produce([message(str(n), f"text {n}", partition=0) for n in range(50, 100)])
        labels = stream.labels(100)
        assert worker.terminate() == 0
    assert identities(labels) == [str(n) for n in range(100)]
    assert front.refused == []


def test_a_signature_with_another_secret_is_refused_and_told(
    front: IamFront, certificates: Certificates, set_aws: Callable[..., None]
) -> None:
    secret = "another-secret"  # noqa: S105
    set_aws(**sign_as(Credentials(CREDENTIALS.access_key, secret, CREDENTIALS.token)))
    with pytest.raises(UserError, match=r"does not accept who we say we are .*Access denied") as refusal:
        KafkaClients(load_settings(**settings(front, certificates))).admin()
    assert front.refused == ["signature"]
    assert secret not in str(refusal.value)


def test_the_credentials_of_a_role_are_asked_for_once(
    front: IamFront, certificates: Certificates, set_aws: Callable[..., None], tmp_path: Path
) -> None:
    asked, given, config = tmp_path / "asked", tmp_path / "given", tmp_path / "config"
    given.write_text(
        f'{{"Version": 1, "AccessKeyId": "{CREDENTIALS.access_key}", "SecretAccessKey": "{CREDENTIALS.secret_key}", '
        f'"SessionToken": "{CREDENTIALS.token}", "Expiration": "2100-01-01T00:00:00Z"}}'
    )
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho once >> {asked}\ncat {given}\n")
    program.chmod(0o700)
    config.write_text(f"[default]\nregion = {REGION}\ncredential_process = {program}\n")
    set_aws(CONFIG_FILE=config)
    clients = KafkaClients(load_settings(**settings(front, certificates)))
    for _ in range(3):
        with clients.admin() as admin:
            assert admin.brokers() == 1
    assert asked.read_text() == "once\n"


def test_credentials_that_are_missing_are_told_before_anything_is_connected(set_aws: Callable[..., None]) -> None:
    with pytest.raises(UserError, match=r"no AWS credentials .* AWS_ACCESS_KEY_ID"):
        KafkaClients(load_settings(bootstrap_servers="127.0.0.1:1", sasl_mechanism="AWS_MSK_IAM"))
    set_aws(PROFILE="nobody")
    with pytest.raises(UserError, match=r"no AWS credentials .*nobody"):
        KafkaClients(load_settings(bootstrap_servers="127.0.0.1:1", sasl_mechanism="AWS_MSK_IAM"))


def test_the_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(UserError, match=r"pip install 'emotion-labeller\[aws\]'"):
        KafkaClients(load_settings(bootstrap_servers="127.0.0.1:1", sasl_mechanism="AWS_MSK_IAM"))


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("b-1.demo.a1b2c3.c2.kafka.us-east-1.amazonaws.com", "us-east-1"),
        ("boot-a1b2c3.c2.kafka-serverless.ap-southeast-2.amazonaws.com", "ap-southeast-2"),
        ("b-2.demo.a1b2c3.c3.kafka.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("b-2.demo.a1b2c3.c3.kafka.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("kafka.example.org", REGION),
    ],
)
def test_the_region_is_that_of_the_brokers_name_or_else_that_of_the_environment(
    host: str, region: str, set_aws: Callable[..., None]
) -> None:
    set_aws(**sign_as(CREDENTIALS))
    use_aws_credentials()
    assert f"/{region}/kafka-cluster/".encode() in MskIam(security_protocol="SASL_SSL", host=host).auth_bytes()


def test_a_region_that_nothing_tells_is_asked_for(set_aws: Callable[..., None]) -> None:
    set_aws(**sign_as(CREDENTIALS) | {"REGION": ""})
    use_aws_credentials()
    with pytest.raises(FatalConnectionError, match="set AWS_REGION"):
        MskIam(security_protocol="SASL_SSL", host="kafka.example.org").auth_bytes()
