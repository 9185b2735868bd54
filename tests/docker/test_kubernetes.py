"""The Kubernetes manifests, as far as files tell without a cluster: read, rendered, and held against the worker."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from tests.kube.objects import with_components
from worker.observe.health import PATIENCE_SECONDS
from worker.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker/kubernetes"
KUBERNETES_VERSIONS = ["1.31", "1.35"]
OVERLAYS = ["cpu", "gpu"]
Manifest = dict[str, Any]


def read(path: str) -> Manifest:
    manifest: Manifest = yaml.safe_load((FOLDER / path).read_text(encoding="utf-8"))
    return manifest


POD: Manifest = read("base/deployment.yaml")["spec"]["template"]["spec"]
WORKER: Manifest = POD["containers"][0]
SECRET = read("secret.example.yaml")
SCALED_OBJECT: Manifest = read("components/keda/scaled-object.yaml")["spec"]
SECRETS_PATH = next(mount["mountPath"] for mount in WORKER["volumeMounts"] if mount["name"] == "secrets")


def worker_env(overlay: str) -> dict[str, str]:
    """The ConfigMap of an overlay."""
    lines = (FOLDER / "base/worker.env").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    lines += read(f"overlays/{overlay}/kustomization.yaml")["configMapGenerator"][0]["literals"]
    return dict(line.split("=", 1) for line in lines)


def render(overlay: Path) -> list[Manifest]:
    command = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    if not shutil.which(command[0]):
        pytest.skip("neither kustomize nor kubectl is installed")
    rendered = subprocess.run([*command, str(overlay)], capture_output=True, text=True, timeout=60)
    assert rendered.returncode == 0, rendered.stderr
    return list(yaml.safe_load_all(rendered.stdout))


def one(kind: str, manifests: list[Manifest]) -> Manifest:
    (manifest,) = [manifest for manifest in manifests if manifest["kind"] == kind]
    return manifest


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the worker makes of an overlay's ConfigMap and of the Secret, mounted as Kubernetes mounts one."""
    folder, files = tmp_path / "secrets", tmp_path / "secrets/..2026_01_01"
    files.mkdir(parents=True)
    (folder / "..data").symlink_to(files.name)
    for name, value in SECRET["stringData"].items():
        (files / name).write_text(value, encoding="utf-8")
        (folder / name).symlink_to(Path("..data") / name)
    for name in [name for name in os.environ if name.startswith("EMOTION_")]:
        monkeypatch.delenv(name)
    plain = {entry["name"]: entry["value"] for entry in WORKER["env"] if "value" in entry}
    for name, value in (worker_env(request.param) | plain).items():
        monkeypatch.setenv(name, value.replace(SECRETS_PATH, str(folder)))
    monkeypatch.chdir(tmp_path)
    return load_settings()


every_overlay = pytest.mark.parametrize("settings", OVERLAYS, indirect=True)


@every_overlay
def test_the_worker_takes_every_setting_of_the_manifests(settings: Settings) -> None:
    assert settings.sasl_username == SECRET["stringData"]["EMOTION_SASL_USERNAME"]
    assert settings.protocol == "SASL_SSL"
    assert settings.device in ("cpu", "cuda")
    assert settings.bootstrap_servers == worker_env("cpu")["EMOTION_BOOTSTRAP_SERVERS"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_come_from_the_secret_only(overlay: str) -> None:
    given = set(worker_env(overlay)) | {entry["name"] for entry in WORKER["env"]}
    assert not {name for name in given if re.search("PASSWORD|CLIENT_SECRET", name)}
    volume = next(volume for volume in POD["volumes"] if volume["name"] == "secrets")
    assert volume["secret"]["secretName"] == SECRET["metadata"]["name"]


@every_overlay
def test_probes_ask_what_the_worker_answers_on_its_port(settings: Settings) -> None:
    ports = {port["name"]: port["containerPort"] for port in WORKER["ports"]}
    paths = {probe: WORKER[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert {ports[WORKER[probe]["httpGet"]["port"]] for probe in paths} == {settings.http_port}
    assert read("components/pod-monitor/pod-monitor.yaml")["spec"]["podMetricsEndpoints"][0]["port"] in ports


def test_the_operator_gives_the_job_the_name_that_the_alerts_look_for() -> None:
    label = read("components/pod-monitor/pod-monitor.yaml")["spec"]["jobLabel"]
    alerts = (ROOT / "docker/prometheus/alerts.yml").read_text(encoding="utf-8")
    pod = read("base/deployment.yaml")["spec"]["template"]["metadata"]
    assert set(re.findall(r'job="([^"]*)"', alerts)) == {pod["labels"][label]}


@every_overlay
def test_the_grace_period_is_longer_than_the_longest_window(settings: Settings) -> None:
    longest_seconds = PATIENCE_SECONDS + (settings.longest_turn_ms + settings.longest_window_ms) / 1000
    assert POD["terminationGracePeriodSeconds"] > longest_seconds


def test_the_pod_keeps_to_the_restricted_standard_and_more() -> None:
    namespace = read("base/namespace.yaml")["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    user = re.search(r"^USER (\d+)$", (ROOT / "docker/worker.Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert user is not None
    pod, container = POD["securityContext"], WORKER["securityContext"]
    assert (pod["runAsNonRoot"], pod["runAsUser"]) == (True, int(user[1]))
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()
    assert POD["enableServiceLinks"] is False
    assert POD["automountServiceAccountToken"] is False
    assert {kind for volume in POD["volumes"] for kind in volume if kind != "name"} <= {"secret", "emptyDir"}


def test_what_the_worker_writes_lies_on_volumes_of_a_bounded_size() -> None:
    bounded = {volume["name"] for volume in POD["volumes"] if volume.get("emptyDir", {}).get("sizeLimit")}
    writable = {mount["mountPath"] for mount in WORKER["volumeMounts"] if mount["name"] in bounded}
    cache = next(entry["value"] for entry in WORKER["env"] if entry["name"] == "XDG_CACHE_HOME")
    assert writable == {"/tmp", cache}  # noqa: S108


def test_selectors_find_the_pods() -> None:
    labels = read("base/deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        read("base/deployment.yaml")["spec"]["selector"],
        read("base/pod-disruption-budget.yaml")["spec"]["selector"],
        read("base/network-policy.yaml")["spec"]["podSelector"],
        read("components/pod-monitor/pod-monitor.yaml")["spec"]["selector"],
        *(spread["labelSelector"] for spread in POD["topologySpreadConstraints"]),
    ]
    for selector in selectors:
        assert selector["matchLabels"].items() <= labels.items()
        assert selector["matchLabels"]


@every_overlay
def test_the_network_policy_lets_out_to_dns_and_the_brokers_and_prometheus_in(settings: Settings) -> None:
    policy = read("base/network-policy.yaml")["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert [[port["port"] for port in rule["ports"]] for rule in policy["ingress"]] == [[settings.http_port]]
    assert all(rule["from"] for rule in policy["ingress"])
    assert all(rule["to"] for rule in policy["egress"])
    host, port = str(settings.bootstrap_servers).split(":")
    dns, brokers = policy["egress"]
    assert {(p["port"], p["protocol"]) for p in dns["ports"]} == {(53, "UDP"), (53, "TCP")}
    assert [p["port"] for p in brokers["ports"]] == [int(port)]
    assert brokers["to"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == host.split(".")[1]


@every_overlay
def test_the_scaler_measures_the_lag_of_this_group_as_this_user(settings: Settings) -> None:
    trigger = SCALED_OBJECT["triggers"][0]["metadata"]
    assert trigger["bootstrapServers"] == settings.bootstrap_servers
    assert trigger["consumerGroup"] == settings.group_id
    assert trigger["topic"] == settings.input_topic
    assert trigger["offsetResetPolicy"] == settings.start_offset
    mechanisms = {"scram_sha512": "SCRAM-SHA-512", "scram_sha256": "SCRAM-SHA-256", "plaintext": "PLAIN"}
    assert mechanisms[trigger["sasl"]] == settings.sasl_mechanism
    assert (trigger["tls"] == "enable") == settings.protocol.endswith("SSL")
    assert SCALED_OBJECT["scaleTargetRef"]["name"] == read("base/deployment.yaml")["metadata"]["name"]
    for reference in read("components/keda/trigger-authentication.yaml")["spec"]["secretTargetRef"]:
        assert reference["name"] == SECRET["metadata"]["name"]
        assert reference["key"] in SECRET["stringData"]


@every_overlay
def test_scaling_stops_at_the_partitions_and_goes_slowly_with_members_that_may_leave(settings: Settings) -> None:
    trigger = SCALED_OBJECT["triggers"][0]["metadata"]
    assert (trigger["ensureEvenDistributionOfPartitions"], trigger["allowIdleConsumers"]) == ("true", "false")
    assert "limitToPartitionsWithLag" not in trigger  # KEDA refuses both together
    assert SCALED_OBJECT["minReplicaCount"] >= 1
    assert settings.processes == "1"
    assert settings.group_instance_id is None
    behavior = SCALED_OBJECT["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    down = behavior["scaleDown"]
    assert down["stabilizationWindowSeconds"] > behavior["scaleUp"]["stabilizationWindowSeconds"] > 0
    assert all(policy["periodSeconds"] >= POD["terminationGracePeriodSeconds"] for policy in down["policies"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_image_is_of_this_version(overlay: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    (image,) = read(f"overlays/{overlay}/kustomization.yaml")["images"]
    assert image["name"] == WORKER["image"]
    assert image["newTag"].split("-")[0] == version


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_rendered_overlay_is_valid_for_kubernetes(overlay: str, version: str) -> None:
    manifests = render(FOLDER / "overlays" / overlay)
    kinds = {manifest["kind"] for manifest in manifests}
    assert kinds == {"Namespace", "ConfigMap", "Deployment", "PodDisruptionBudget", "NetworkPolicy"}
    for manifest in [*manifests, SECRET]:
        kubernetes_validate.validate(manifest, version, strict=True)
        if manifest["kind"] != "Namespace":
            assert manifest["metadata"]["namespace"] == "emotion"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_rendered_overlay_has_its_settings_and_its_device(overlay: str) -> None:
    manifests = render(FOLDER / "overlays" / overlay)
    settings, pod = one("ConfigMap", manifests), one("Deployment", manifests)["spec"]["template"]["spec"]
    worker = pod["containers"][0]
    assert settings["data"] == worker_env(overlay)
    assert worker["envFrom"] == [{"configMapRef": {"name": settings["metadata"]["name"]}}]
    assert re.fullmatch(r"registry\.example\.org/emotion-worker:[\d.]+-(cpu|cuda)", worker["image"])
    assert ("nvidia.com/gpu" in worker["resources"]["limits"]) == (overlay == "gpu")
    assert worker["securityContext"] == WORKER["securityContext"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_with_its_components_an_overlay_leaves_the_number_of_pods_to_the_scaler(overlay: str, tmp_path: Path) -> None:
    manifests = render(with_components(tmp_path / "kubernetes", overlay, ("pod-monitor", "keda")))
    assert {"ScaledObject", "TriggerAuthentication", "PodMonitor"} <= {manifest["kind"] for manifest in manifests}
    assert "replicas" not in one("Deployment", manifests)["spec"]
    assert {manifest["metadata"].get("namespace", "emotion") for manifest in manifests} == {"emotion"}
