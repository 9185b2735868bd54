"""KEDA's operator and metrics adapter beside the API server, and a broker with TLS, SCRAM and ACLs for them to ask."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import ResourceType

from tests.harness.independent import NewRecord, end_offsets, make_topic, produce
from tests.harness.jars import kafka_jars
from tests.harness.ports import free_port
from tests.harness.secured_kafka import SecuredKafka
from tests.kube.binaries import keda
from tests.kube.control_plane import ControlPlane

TOPIC, GROUP, USER = "text-messages", "emotion-worker", "emotion-worker"  # as the manifests have them
PARTITIONS = 12
_NAMESPACE = "keda"


@contextmanager
def broker(folder: Path) -> Iterator[SecuredKafka]:
    """With the topic of texts, and the worker's user, who may do with topic and group what docker/SECURITY.md says."""
    folder.mkdir()
    with SecuredKafka(kafka_jars(), folder) as secured:
        make_topic(secured.open_servers, TOPIC, PARTITIONS)
        secured.set_password(USER, "SCRAM-SHA-512")
        secured.grant(USER, ResourceType.TOPIC, TOPIC, ["READ", "DESCRIBE"])
        secured.grant(USER, ResourceType.GROUP, GROUP, ["READ"])
        yield secured


def start(cluster: ControlPlane, folder: Path) -> None:
    """Start both; the API server asks the adapter for external metrics."""
    folder.mkdir()
    ca = trustme.CA()
    issued = ca.issue_cert("localhost", common_name="keda")
    ca.cert_pem.write_to_path(folder / "ca.crt")
    issued.private_key_pem.write_to_path(folder / "tls.key")
    issued.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig), "WATCH_NAMESPACE": ""}
    environment |= {"POD_NAMESPACE": _NAMESPACE, "KEDA_CLUSTER_OBJECT_NAMESPACE": _NAMESPACE}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}})
    metrics, port = free_port(), free_port()
    cluster.run(
        "keda-operator",
        [
            str(keda() / "keda-operator"), f"--cert-dir={folder}",
            f"--metrics-service-bind-address=127.0.0.1:{metrics}",
            f"--metrics-bind-address=127.0.0.1:{free_port()}", f"--health-probe-bind-address=127.0.0.1:{free_port()}",
        ],
        environment,
    )  # fmt: skip
    cluster.run(
        "keda-adapter",
        [
            str(keda() / "keda-adapter"), f"--cert-dir={folder}", f"--metrics-service-address=localhost:{metrics}",
            f"--port={free_port()}", f"--secure-port={port}", "--bind-address=127.0.0.1",
            f"--tls-cert-file={folder / 'tls.crt'}", f"--tls-private-key-file={folder / 'tls.key'}",
            f"--client-ca-file={folder / 'ca.crt'}",
            *(f"--{what}-kubeconfig={cluster.kubeconfig}" for what in ("lister", "authentication", "authorization")),
        ],
        environment,
    )  # fmt: skip
    _pass_on(cluster, port)


def _pass_on(cluster: ControlPlane, port: int) -> None:
    """Let the API server ask this port: a name may lead to the loopback address, endpoints may not."""
    name = {"name": "keda-metrics-apiserver", "namespace": _NAMESPACE}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": name}
    api = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
    told = {"group": "external.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100}
    told |= {"versionPriority": 100, "insecureSkipTLSVerify": True, "service": name | {"port": port}}
    cluster.apply(
        service | {"spec": {"type": "ExternalName", "externalName": "localhost"}},
        api | {"metadata": {"name": "v1beta1.external.metrics.k8s.io"}, "spec": told},
    )
    cluster.kubectl("wait", "--for=condition=Available", "--timeout=120s", "apiservice/v1beta1.external.metrics.k8s.io")


def in_a_hurry(scaled_object: str, servers: str, factor: int) -> str:
    """The manifest with another broker, and with every duration divided; all else stays."""
    text = re.sub(r"(?<=bootstrapServers: )\S+", servers, scaled_object)
    return re.sub(
        r"(?<=(?:WindowSeconds|periodSeconds): )\d+", lambda found: str(max(1, int(found[0]) // factor)), text
    )


def commit_all(secured: SecuredKafka) -> None:
    """The group has read everything."""
    consumer = Consumer({"bootstrap.servers": secured.open_servers, "group.id": GROUP})
    ends = end_offsets(secured.open_servers, TOPIC)
    consumer.commit(offsets=[TopicPartition(TOPIC, *place) for place in ends.items()], asynchronous=False)
    consumer.close()


def write_texts(secured: SecuredKafka, count: int) -> None:
    """So many to each partition in turn."""
    produce(secured.open_servers, TOPIC, [NewRecord(b"{}", partition=n % PARTITIONS) for n in range(count)])
