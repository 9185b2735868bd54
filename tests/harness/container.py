"""Apache Kafka in a container, where Docker runs and jars cannot be had."""

import contextlib
import subprocess
from collections.abc import Iterator

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.harness.eventually import eventually
from tests.harness.jars import KAFKA_VERSION
from tests.harness.ports import free_port

# The same as the brokers from jars are told, as far as tests depend on it.
_SETTINGS = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@127.0.0.1:9093",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "CLIENT",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
    "KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS": "1000",
}


class NoContainerError(Exception):
    """Kafka cannot be run in a container here; the message says why."""


@contextlib.contextmanager
def kafka_container(version: str = KAFKA_VERSION) -> Iterator[str]:
    """One broker in a container; gives its bootstrap servers, and removes it at the end.

    Raises:
        NoContainerError: Docker is missing, does not run, or has no such image.
    """
    port = free_port()
    listeners = {
        "KAFKA_LISTENERS": f"CLIENT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"CLIENT://127.0.0.1:{port}",
    }
    settings = [f"--env={name}={value}" for name, value in (_SETTINGS | listeners).items()]
    name = _docker(
        "run", "--detach", "--rm", f"--publish=127.0.0.1:{port}:{port}", *settings, f"apache/kafka:{version}"
    )
    try:
        servers = f"127.0.0.1:{port}"
        eventually(lambda: _answers(servers), 120, f"the broker in container {name[:12]} answers")
        yield servers
    finally:
        _docker("rm", "--force", name)


def _answers(servers: str) -> bool:
    try:
        return bool(AdminClient({"bootstrap.servers": servers, "log_level": 0}).list_topics(timeout=1).brokers)
    except KafkaException:
        return False


def _docker(*arguments: str) -> str:
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoContainerError(f"docker: {error}") from error
    if done.returncode != 0:
        raise NoContainerError(f"docker {arguments[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()
