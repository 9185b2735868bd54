"""The programs of a Kubernetes control plane and of KEDA, built from their Go modules into the cache, once."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

KUBERNETES_VERSION = "1.35.4"
KEDA_VERSION = "2.21.0"
PROMETHEUS_OPERATOR_VERSION = "0.85.0"

_KUBERNETES = "k8s.io/kubernetes"
_KEDA = "github.com/kedacore/keda/v2"
_PROMETHEUS_OPERATOR = "github.com/prometheus-operator/prometheus-operator"
_STAGING = re.compile(r"(k8s\.io/\S+) => \./staging/\S+")  # part of the repository, but modules of their own
_PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",  # of the version that Kubernetes itself is tested with
    **{name: f"{_KUBERNETES}/cmd/{name}" for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler")},
    "kubectl": f"{_KUBERNETES}/cmd/kubectl",
}
_BUILD = ("go", "build", "-buildvcs=false", "-trimpath")


def kubernetes() -> Path:
    """The folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.

    Raises:
        SystemExit: They cannot be built here; with what Go said.
    """
    return _cached(f"kubernetes-{KUBERNETES_VERSION}", _build_kubernetes)


def keda() -> Path:
    """The folder with KEDA's operator and metrics adapter.

    Raises:
        SystemExit: They cannot be built here; with what Go said.
    """
    return _cached(f"keda-{KEDA_VERSION}", _build_keda)


def crds() -> list[Path]:
    """The files of the definitions that the components need: KEDA's and the Prometheus Operator's."""
    bases = _module(_KEDA, KEDA_VERSION) / "config/crd/bases"
    operator = _module(_PROMETHEUS_OPERATOR, PROMETHEUS_OPERATOR_VERSION) / "example/prometheus-operator-crd"
    return [*sorted(bases.glob("*.yaml")), *sorted(operator.glob("*.yaml"))]


def _build_kubernetes(bin_folder: Path, scratch: Path) -> None:
    source = _module(_KUBERNETES, KUBERNETES_VERSION)
    text = (source / "go.mod").read_text(encoding="utf-8")
    text = _STAGING.sub(rf"\1 => \1 v0.{KUBERNETES_VERSION.partition('.')[2]}", text)
    text = re.sub(r"^module .*", "module build", text, count=1, flags=re.MULTILINE)
    tools = "".join(f"tool {package}\n" for package in _PACKAGES.values())
    (scratch / "go.mod").write_text(f"{text}\nrequire {_KUBERNETES} v{KUBERNETES_VERSION}\n{tools}", encoding="utf-8")
    (scratch / "go.sum").write_bytes((source / "go.sum").read_bytes())
    _run("go", "mod", "tidy", folder=scratch)
    major, minor, _ = KUBERNETES_VERSION.split(".")
    stamps = {"gitVersion": f"v{KUBERNETES_VERSION}", "gitMajor": major, "gitMinor": minor}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items())
    for name, package in _PACKAGES.items():
        _run(*_BUILD, f"-ldflags={flags}", "-o", str(bin_folder / name), package, folder=scratch)


def _build_keda(bin_folder: Path, scratch: Path) -> None:
    source = _module(_KEDA, KEDA_VERSION)
    for name in ("operator", "adapter"):
        _run(*_BUILD, "-o", str(bin_folder / f"keda-{name}"), f"./cmd/{name}", folder=source)


def _module(path: str, version: str) -> Path:
    """Where Go has the files of a module; it fetches what is not there."""
    found: dict[str, Any] = json.loads(_run("go", "mod", "download", "-json", f"{path}@v{version}"))
    return Path(found["Dir"])


def _cached(name: str, build: Callable[[Path, Path], None]) -> Path:
    """The folder of that name in the cache; one rename makes it, so that it is always whole."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emotion-labeller"
    folder = cache / name
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as scratch:
            made = Path(scratch) / "bin"
            made.mkdir()
            build(made, Path(scratch))
            with contextlib.suppress(OSError):  # another run was faster
                made.rename(folder)
    return folder


def _run(*command: str, folder: Path | None = None) -> str:
    """What it prints. Go fetches the version of itself that a module asks for."""
    if shutil.which("go") is None:
        raise SystemExit("no go on the path: Kubernetes and KEDA are built from their Go modules")
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "auto"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout
