"""A broker that advertises a name that cannot be found: every command says so, and none with a traceback."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.harness.apache_kafka import ApacheKafka
from tests.harness.worker_process import WorkerProcess

HOST = "kafka-0.brokers.invalid"


@pytest.fixture(scope="module")
def servers(apache_kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    cluster = ApacheKafka(apache_kafka_jars, tmp_path_factory.mktemp("kafka"))
    cluster.nodes[0].proxy_host = HOST
    with cluster:
        yield f"127.0.0.1:{cluster.nodes[0].proxied_port}"


def told(servers: str, model: Path, folder: Path, *command: str) -> tuple[str, str]:
    """What a command says on standard output and on standard error before it ends with 1: it may pass."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EMOTION_")}
    own = {"EMOTION_BOOTSTRAP_SERVERS": servers, "EMOTION_MODEL": str(model), "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-m", "worker", *command],
        env=environment | own,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--from", "earliest", "--until", "now", "--to", "elsewhere"],
        ["dead-letters", "show"],
        ["dead-letters", "replay"],
        ["bench"],
        ["demo"],
    ],
    ids=" ".join,
)
def test_a_command_names_the_advertised_host_and_the_mend(
    command: list[str], servers: str, tiny_model: Path, tmp_path: Path
) -> None:
    _, errors = told(servers, tiny_model, tmp_path, *command)
    (line,) = [line for line in errors.splitlines() if line.startswith("emotion-worker: ")]
    assert_named(line)


def test_the_service_waits_and_names_them(servers: str, tmp_path: Path) -> None:
    with WorkerProcess(tmp_path, bootstrap_servers=servers) as worker:
        worker.wait_for("broker_away")
        (line, *_) = [line for line in worker.log.splitlines() if "broker_away" in line]
        assert_named(line)
        assert worker.terminate() == 0


def assert_named(line: str) -> None:
    assert HOST in line
    assert "as the brokers advertise it" in line
    assert "advertised.listeners" in line


def test_check_reports_it_and_goes_on_with_what_needs_no_broker(servers: str, tiny_model: Path, tmp_path: Path) -> None:
    output, _ = told(servers, tiny_model, tmp_path, "check", "--json")
    findings = {finding["check"]: finding for finding in orjson.loads(output)}
    assert {name: finding["ok"] for name, finding in findings.items()} == {
        "settings": True,
        "broker": False,
        "model": True,
    }
    assert HOST in findings["broker"]["detail"]
    assert "advertised.listeners" in findings["broker"]["mend"]
