"""Manifests, nodes and pods."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.harness.eventually import eventually
from tests.kube.control_plane import PATIENCE_SECONDS, ControlPlane

MANIFESTS = Path(__file__).parents[2] / "docker/kubernetes"
NAMESPACE = "emotion"

Manifest = dict[str, Any]


def namespaced(*arguments: str) -> tuple[str, ...]:
    return ("--namespace", NAMESPACE, *arguments)


def with_components(folder: Path, overlay: str, components: Iterable[str]) -> Path:
    """A copy of the manifests, in which the overlay uses these components; gives the overlay."""
    shutil.copytree(MANIFESTS, folder)
    path = folder / "overlays" / overlay
    file = path / "kustomization.yaml"
    text = file.read_text(encoding="utf-8")
    if components:
        text = text.replace("# components:", "components:")
    for component in components:
        text = text.replace(f"#   - ../../components/{component}", f"  - ../../components/{component}")
        assert f"\n  - ../../components/{component}" in text
    file.write_text(text, encoding="utf-8")
    return path


def make_node(cluster: ControlPlane, name: str, capacity: dict[str, str], taints: Iterable[Manifest] = ()) -> None:
    """A node with no kubelet: the scheduler sees its capacity, and nothing runs on it."""
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"zone-of-{name}"}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
    cluster.apply(node)
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}
    status = {"capacity": capacity, "allocatable": capacity, "conditions": [ready]}
    cluster.kubectl("patch", "node", name, "--subresource=status", f"--patch={json.dumps({'status': status})}")
    # A node begins with the taint "not ready", which a controller takes away that does not run here.
    cluster.kubectl("patch", "node", name, f"--patch={json.dumps({'spec': {'taints': list(taints)}})}")


def pods(cluster: ControlPlane) -> list[Manifest]:
    found: list[Manifest] = cluster.get("pods", "--namespace", NAMESPACE)["items"]
    return found


def names(found: Iterable[Manifest]) -> set[str]:
    return {pod["metadata"]["name"] for pod in found}


def leaving(pod: Manifest) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def scheduled(cluster: ControlPlane, count: int) -> list[Manifest]:
    """So many pods that stay, once each has a node."""

    def all_have_nodes() -> list[Manifest]:
        stay = [pod for pod in pods(cluster) if not leaving(pod)]
        return stay if len(stay) == count and all("nodeName" in pod["spec"] for pod in stay) else []

    return eventually(all_have_nodes, PATIENCE_SECONDS, f"{count} pods have nodes", interval_s=0.5)


def unschedulable(cluster: ControlPlane, count: int) -> str:
    """What the scheduler says of pods that wait, once there are so many."""
    said = [
        condition["message"]
        for pod in pods(cluster)
        for condition in pod["status"].get("conditions", [])
        if condition.get("reason") == "Unschedulable"
    ]
    return said[0] if len(said) == count else ""


def kill_leaving(cluster: ControlPlane) -> None:
    """What a kubelet does at the end of the grace period: nobody else takes a pod off its node."""
    for pod in filter(leaving, pods(cluster)):
        cluster.try_kubectl(*namespaced("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force"))


def clear(cluster: ControlPlane) -> None:
    """Wait until no pod is left."""

    def is_clear() -> bool:
        kill_leaving(cluster)
        return not pods(cluster)

    eventually(is_clear, PATIENCE_SECONDS, "no pod is left", interval_s=0.5)
