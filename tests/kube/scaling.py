"""KEDA scales the Deployment by the lag of a real broker, as the component says, thirty times as fast."""

import time
from pathlib import Path

from tests.harness.eventually import eventually
from tests.harness.secured_kafka import PASSWORD, SecuredKafka
from tests.kube import keda
from tests.kube.control_plane import ControlPlane
from tests.kube.objects import MANIFESTS, NAMESPACE, clear, namespaced, with_components

FACTOR = 30
_PATIENCE_SECONDS = 300
_LAGS = (15_000, 45_000, 130_000)  # texts; lagThreshold is 10,000


def turning_on(cluster: ControlPlane, folder: Path) -> str:
    """`overlays/cpu` is applied, then the same with KEDA's component; and again, in the way that the README tells."""
    path = with_components(folder / "turned-on", "cpu", ("keda",))
    cluster.kubectl("apply", f"--kustomize={MANIFESTS / 'overlays/cpu'}")
    cluster.kubectl("apply", f"--kustomize={path}")
    seen = replicas(cluster)
    cluster.kubectl("apply", f"--kustomize={MANIFESTS / 'overlays/cpu'}")
    note = "kubectl.kubernetes.io/last-applied-configuration-"
    cluster.kubectl(*namespaced("annotate", "deployment", "emotion-worker", note))
    applied = cluster.try_kubectl("apply", f"--kustomize={path}")  # it warns that the note is missing
    assert (applied.returncode, replicas(cluster)) == (0, 2), applied.stderr
    cluster.kubectl(*namespaced("delete", "scaledobject", "emotion-worker"))  # of brokers that are not there
    return f"{seen} of 2 pods stays; in that way both do"


def scaling(cluster: ControlPlane, folder: Path) -> str:
    """The overlay with KEDA's component is applied, and texts are written; the group commits nothing, then everything.

    The broker has TLS, SCRAM-SHA-512 and the worker's own ACLs, and the topic 12 partitions.
    """
    with keda.broker(folder / "kafka") as secured:
        _give_secret(cluster, folder, secured)
        keda.start(cluster, folder / "keda")
        path = with_components(folder / "scaled", "cpu", ("keda",))
        file = path.parents[1] / "components/keda/scaled-object.yaml"
        text = keda.in_a_hurry(file.read_text(encoding="utf-8"), secured.servers("SASL"), FACTOR)
        file.write_text(text, encoding="utf-8")
        cluster.kubectl("apply", f"--kustomize={path}")
        cluster.kubectl(*namespaced("wait", "--for=condition=Ready", "--timeout=120s", "scaledobject/emotion-worker"))
        seen, written = [f"lag 0: {settled(cluster)} pods"], 0
        for lag in _LAGS:
            keda.write_texts(secured, lag - written)
            written = lag
            seen.append(f"lag {lag:,}: {settled(cluster)}")
        cluster.kubectl("apply", f"--kustomize={path}")
        seen.append(f"applied again: {settled(cluster)}")
        keda.commit_all(secured)
        seen.append(f"lag 0: {settled(cluster)}")
        seen.append(f"paused by the annotation: {paused(cluster)}")
    return "; ".join(seen)


def _give_secret(cluster: ControlPlane, folder: Path, secured: SecuredKafka) -> None:
    password = folder / "password.txt"
    password.write_text(PASSWORD, encoding="utf-8")
    cluster.kubectl(*namespaced("delete", "secret", "emotion-worker"))
    cluster.kubectl(
        *namespaced("create", "secret", "generic", "emotion-worker"),
        f"--from-literal=EMOTION_SASL_USERNAME={keda.USER}",
        f"--from-file=EMOTION_SASL_PASSWORD={password}",
        f"--from-file=ca.crt={secured.certificates.path('ca.pem')}",
    )


def replicas(cluster: ControlPlane) -> int:
    return int(cluster.get("deployment", "emotion-worker", "--namespace", NAMESPACE)["spec"]["replicas"])


def settled(cluster: ControlPlane, seconds: float = 30) -> str:
    """The numbers of pods asked for, one after the other, until none follows for so long."""
    numbers, changed_at = [replicas(cluster)], time.monotonic()

    def is_settled() -> bool:
        nonlocal changed_at
        if (now := replicas(cluster)) != numbers[-1]:
            numbers.append(now)
            changed_at = time.monotonic()
        return time.monotonic() - changed_at > seconds

    eventually(is_settled, _PATIENCE_SECONDS, "the number of pods rests", interval_s=0.5)
    return " → ".join(map(str, numbers))


def paused(cluster: ControlPlane) -> str:
    """What the README's table says of stopping all workers, and of starting them."""
    annotate = namespaced("annotate", "scaledobject", "emotion-worker")
    cluster.kubectl(*annotate, "autoscaling.keda.sh/paused-replicas=0")
    eventually(lambda: replicas(cluster) == 0, _PATIENCE_SECONDS, "no pod is asked for")
    clear(cluster)
    cluster.kubectl(*annotate, "autoscaling.keda.sh/paused-replicas-")
    eventually(lambda: replicas(cluster) > 0, _PATIENCE_SECONDS, "pods are asked for again")
    return f"0, and {replicas(cluster)} without it"
