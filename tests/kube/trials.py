"""What is done to the API server, in the order in which an operator would; each says what it saw."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from tests.harness.eventually import eventually
from tests.kube.binaries import crds
from tests.kube.control_plane import PATIENCE_SECONDS, ControlPlane
from tests.kube.objects import (
    MANIFESTS,
    NAMESPACE,
    clear,
    kill_leaving,
    leaving,
    make_node,
    names,
    namespaced,
    pods,
    scheduled,
    unschedulable,
    with_components,
)

ALERTS = MANIFESTS.parent / "prometheus/alerts.yml"
OVERLAYS = ("cpu", "gpu")

Trial = Callable[[ControlPlane, Path], str]


def definitions(cluster: ControlPlane, folder: Path) -> str:
    """The definitions of KEDA's and of the Prometheus Operator's objects are applied."""
    files = crds()
    cluster.kubectl("apply", "--server-side", *(f"--filename={file}" for file in files))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
    return f"{len(files)} definitions are established"


def namespace_and_secret(cluster: ControlPlane, folder: Path) -> str:
    """Step 6 of the README: the namespace, and the Secret from files; `secret.example.yaml` is tried beside it."""
    cluster.kubectl("apply", f"--filename={MANIFESTS / 'base/namespace.yaml'}")
    password, ca = folder / "password.txt", folder / "ca.crt"
    password.write_text("secret", encoding="utf-8")
    ca.write_text("none", encoding="utf-8")
    made = cluster.kubectl(
        *namespaced("create", "secret", "generic", "emotion-worker"),
        "--from-literal=EMOTION_SASL_USERNAME=emotion-worker",
        f"--from-file=EMOTION_SASL_PASSWORD={password}", f"--from-file={ca}",
    )  # fmt: skip
    cluster.kubectl("apply", "--dry-run=server", f"--filename={MANIFESTS / 'secret.example.yaml'}", "--force-conflicts",
                    "--server-side")  # fmt: skip
    return made.strip()


def restriction(cluster: ControlPlane, folder: Path) -> str:
    """A pod that runs as root is made in the namespace, as a control."""
    pod = json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"},
                      "spec": {"containers": [{"name": "root", "image": "root"}]}})  # fmt: skip
    refused = cluster.try_kubectl(*namespaced("create", "--filename=-"), given=pod)
    why = re.search(r'violates PodSecurity "restricted[^"]*"', refused.stderr)
    assert why is not None, refused.stderr
    return f"refused: {why[0]}"


def dry_runs(cluster: ControlPlane, folder: Path) -> str:
    """Each overlay, alone, with each component and with both, as a server-side dry run with strict fields."""
    seen = []
    for overlay in OVERLAYS:
        for components in ((), ("pod-monitor",), ("keda",), ("pod-monitor", "keda")):
            path = with_components(folder / "-".join(("dry", overlay, *components)), overlay, components)
            printed = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", f"--kustomize={path}")
            seen.append(f"{' + '.join((overlay, *components))}: {len(printed.splitlines())} objects")
    return "; ".join(seen)


def alerts(cluster: ControlPlane, folder: Path) -> str:
    """`groups` of alerts.yml as the `spec` of a PrometheusRule, as the README says."""
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    rule = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "spec": groups}
    rule["metadata"] = {"name": "emotion-worker", "namespace": NAMESPACE}
    return cluster.apply(rule).strip()


def pods_of_cpu(cluster: ControlPlane, folder: Path) -> str:
    """`overlays/cpu` is applied on two nodes of 4 cores; its ReplicaSet makes the pods."""
    for name in ("node-1", "node-2"):
        make_node(cluster, name, {"cpu": "4", "memory": "16Gi", "ephemeral-storage": "50Gi", "pods": "20"})
    cluster.kubectl("apply", f"--kustomize={MANIFESTS / 'overlays/cpu'}")
    pods = scheduled(cluster, 2)
    nodes = {pod["spec"]["nodeName"] for pod in pods}
    assert len(nodes) == 2, nodes
    qualities = {pod["status"]["qosClass"] for pod in pods}
    return f"{len(pods)} pods admitted and scheduled, one on each node; quality of service: {', '.join(qualities)}"


def roll_out(cluster: ControlPlane, folder: Path) -> str:
    """A setting is changed and the overlay applied again."""
    before = names(pods(cluster))
    path = with_components(folder / "changed", "cpu", ())
    settings = path.parents[1] / "base/worker.env"
    settings.write_text(settings.read_text(encoding="utf-8") + "EMOTION_CACHE_TEXTS=1000\n", encoding="utf-8")
    cluster.kubectl("apply", f"--kustomize={path}")
    now = names(scheduled(cluster, 3))
    assert before < now, (before, now)
    return "one new pod beside the two old ones, which stay until it is ready"


def drain(cluster: ControlPlane, folder: Path) -> str:
    """A node is drained while no pod is ready: each pod's eviction is asked for."""
    for pod in pods(cluster):
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction"}
        eviction["metadata"] = {"name": pod["metadata"]["name"], "namespace": NAMESPACE}  # type: ignore[assignment]
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}/eviction"
        answer = json.loads(cluster.kubectl("create", f"--raw={path}", "--filename=-", given=json.dumps(eviction)))
        assert answer["status"] == "Success", answer
    return "all evictions are allowed"


def commands(cluster: ControlPlane, folder: Path) -> str:
    """Roll-out restart, scale to 0 and back by an apply, as the README's table has them."""
    cluster.kubectl(*namespaced("rollout", "restart", "deployment/emotion-worker"))
    cluster.kubectl(*namespaced("scale", "deployment/emotion-worker", "--replicas=0"))
    clear(cluster)
    cluster.kubectl("apply", f"--kustomize={MANIFESTS / 'overlays/cpu'}")
    return f"0 pods, then {len(scheduled(cluster, 2))}"


def pods_of_gpu(cluster: ControlPlane, folder: Path) -> str:
    """`overlays/gpu` is applied without a GPU; then a node with two, and the usual taint, joins."""
    cluster.kubectl(*namespaced("delete", "deployment", "emotion-worker", "--wait=false"))
    clear(cluster)
    cluster.kubectl("apply", f"--kustomize={MANIFESTS / 'overlays/gpu'}")
    said = eventually(lambda: unschedulable(cluster, 2), PATIENCE_SECONDS, "pods wait")
    assert "nvidia.com/gpu" in said, said
    capacity = {"cpu": "16", "memory": "64Gi", "ephemeral-storage": "50Gi", "pods": "20", "nvidia.com/gpu": "2"}
    make_node(cluster, "node-gpu", capacity, [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}])
    nodes = {pod["spec"]["nodeName"] for pod in scheduled(cluster, 2)}
    assert nodes == {"node-gpu"}, nodes
    return f"pending: {said}; then both on the node with GPUs"


def roll_out_on_gpus(cluster: ControlPlane, folder: Path) -> str:
    """The pods of the GPU overlay are rolled, with every GPU taken."""
    before = names(pods(cluster))
    cluster.kubectl(*namespaced("rollout", "restart", "deployment/emotion-worker"))
    eventually(lambda: any(leaving(pod) for pod in pods(cluster)), PATIENCE_SECONDS, "an old pod goes first")
    kill_leaving(cluster)
    now = names(scheduled(cluster, 2))
    return f"an old pod goes before a new one comes; {len(before & now)} of {len(before)} old ones left"


def warnings(cluster: ControlPlane, folder: Path) -> str:
    """The events of the namespace are read, after all that stands here."""
    events = cluster.get("events", "--namespace", NAMESPACE)["items"]
    warned = {event["reason"]: event["message"] for event in events if event["type"] == "Warning"}
    assert not {"FailedCreate", "FailedValidation", "KEDAScalerFailed"} & warned.keys(), warned
    reasons = Counter(event["reason"] for event in events if event["type"] == "Warning")
    return f"{len(events)} events; warnings: " + ", ".join(f"{reason} {n}" for reason, n in sorted(reasons.items()))


TRIALS: tuple[Trial, ...] = (
    definitions,
    namespace_and_secret,
    restriction,
    dry_runs,
    alerts,
    pods_of_cpu,
    roll_out,
    drain,
    commands,
    pods_of_gpu,
    roll_out_on_gpus,
)
