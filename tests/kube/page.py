"""docker/KUBERNETES_TRIAL.md: what came of the trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.harness.jars import KAFKA_VERSION
from tests.kube.binaries import KEDA_VERSION, KUBERNETES_VERSION, PROMETHEUS_OPERATOR_VERSION
from tests.kube.scaling import FACTOR


@dataclass(frozen=True)
class Outcome:
    """Of one trial."""

    done: str
    seen: str
    seconds: float


def page(outcomes: Sequence[Outcome]) -> str:
    """The page."""
    rows = "\n".join(f"| {each.done} | {each.seen} | {each.seconds:.0f} |" for each in outcomes)
    return f"""# The manifests on a real API server

`make kube` builds a control plane and KEDA from their Go modules, starts them on loopback ports, does with
[the manifests](kubernetes/README.md) what an operator does, and writes this page; do not edit it.

- Ran on {datetime.now(UTC):%Y-%m-%d}: kube-apiserver, kube-controller-manager, kube-scheduler and kubectl of Kubernetes
  {KUBERNETES_VERSION}, and the etcd that it is tested with; operator and metrics adapter of KEDA {KEDA_VERSION};
  definitions of the Prometheus Operator {PROMETHEUS_OPERATOR_VERSION}; Apache Kafka {KAFKA_VERSION}.
- All admission plug-ins that are on by default are on. The namespace enforces Pod Security "restricted".
- Every warning of the API server counts as a failure.
- Nodes are objects without a machine: pods are admitted, made and scheduled, and never start.
- For KEDA every duration of `behavior` is divided by {FACTOR}, and the address of the brokers is another. All else is
  as it stands in the files.

| what was done | what was seen | seconds |
| --- | --- | --- |
{rows}

What only a cluster with nodes can show: a container that starts under these restrictions, the network policy enforced,
whether the resources suffice, a device plug-in that gives a GPU, and the Prometheus Operator scraping.
"""
