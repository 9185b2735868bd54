"""etcd, an API server, its controllers and a scheduler on loopback ports. There are nodes, but nothing runs on them."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme

from tests.harness.apache_kafka import die_with_parent
from tests.harness.eventually import eventually
from tests.harness.ports import free_port
from tests.kube.binaries import kubernetes

PATIENCE_SECONDS = 120
_TOKEN = "trial"  # noqa: S105 - of an API server on the loopback address, for minutes


class ControlPlane:
    """Runs while its `with` block does."""

    def __init__(self, folder: Path) -> None:
        """Start nothing yet; everything is written below `folder`."""
        self._folder = folder
        self._bin = kubernetes()
        self._port = free_port()
        self.kubeconfig = folder / "kubeconfig"
        self._key = folder / "service-account.key"
        self._programs = ExitStack()

    def kubectl(self, *arguments: str, given: str | None = None) -> str:
        """What kubectl prints.

        Raises:
            AssertionError: It failed, or warned; with what it said.
        """
        done = self.try_kubectl(*arguments, given=given)
        assert (done.returncode, "Warning" in done.stderr) == (0, False), (
            f"kubectl {' '.join(arguments)}: {done.stderr}"
        )
        return done.stdout

    def try_kubectl(self, *arguments: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
        """The same, whatever comes of it."""
        command = [str(self._bin / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=300)

    def get(self, *arguments: str) -> Any:
        """`kubectl get`, read."""
        return json.loads(self.kubectl("get", *arguments, "--output=json"))

    def apply(self, *manifests: Mapping[str, Any]) -> str:
        """`kubectl apply` of objects that no file holds."""
        return self.kubectl("apply", "--filename=-", given="\n---\n".join(map(json.dumps, manifests)))

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Path:
        """Run a program until the end of the block; gives its log."""
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=self._folder, env=environment, preexec_fn=die_with_parent
            )
        self._programs.callback(process.wait, 30)
        self._programs.callback(process.kill)
        return log

    def __enter__(self) -> Self:
        with ExitStack() as ready:
            ready.push(self)
            self._start_server()
            self._start_controllers()
            ready.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._programs.close()

    def _start_etcd(self) -> str:
        """Gives its address."""
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.run(
            "etcd",
            [
                str(self._bin / "etcd"), f"--data-dir={self._folder / 'etcd'}", "--unsafe-no-fsync",
                f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
            ],
        )  # fmt: skip
        return client

    def _write_keys(self) -> None:
        """Of service accounts, and of the API server itself where it passes a request on."""
        trustme.CA().issue_cert("service-accounts").private_key_pem.write_to_path(self._key)
        front = trustme.CA()
        front.cert_pem.write_to_path(self._folder / "front-ca.crt")
        shown = front.issue_cert("front", common_name="front")
        shown.private_key_and_cert_chain_pem.write_to_path(self._folder / "front.pem")
        (self._folder / "tokens.csv").write_text(f"{_TOKEN},admin,admin,system:masters\n", encoding="utf-8")

    def _start_server(self) -> None:
        etcd = self._start_etcd()
        self._write_keys()
        log = self.run(
            "kube-apiserver",
            [
                str(self._bin / "kube-apiserver"), f"--etcd-servers={etcd}", f"--secure-port={self._port}",
                "--bind-address=127.0.0.1", f"--cert-dir={self._folder / 'certificates'}",
                "--endpoint-reconciler-type=none",  # endpoints may not have a loopback address
                "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC",
                f"--token-auth-file={self._folder / 'tokens.csv'}", "--service-account-issuer=https://127.0.0.1",
                f"--service-account-key-file={self._key}", f"--service-account-signing-key-file={self._key}",
                f"--requestheader-client-ca-file={self._folder / 'front-ca.crt'}",
                "--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
                "--requestheader-extra-headers-prefix=X-Remote-Extra-",
                f"--proxy-client-cert-file={self._folder / 'front.pem'}",
                f"--proxy-client-key-file={self._folder / 'front.pem'}",
            ],
        )  # fmt: skip
        self._write_kubeconfig()
        eventually(self._is_ready, PATIENCE_SECONDS, f"the API server is ready; see {log}", interval_s=0.5)

    def _is_ready(self) -> bool:
        return self.try_kubectl("get", "--raw=/readyz").stdout == "ok"

    def _write_kubeconfig(self) -> None:
        server = {"server": f"https://127.0.0.1:{self._port}"}
        server["certificate-authority"] = str(self._folder / "certificates/apiserver.crt")
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "trial", "cluster": server}],
            "users": [{"name": "admin", "user": {"token": _TOKEN}}],
            "contexts": [{"name": "trial", "context": {"cluster": "trial", "user": "admin"}}],
            "current-context": "trial",
        }
        self.kubeconfig.write_text(json.dumps(config), encoding="utf-8")

    def _start_controllers(self) -> None:
        common = [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--bind-address=127.0.0.1"]
        self.run(
            "kube-controller-manager",
            [
                str(self._bin / "kube-controller-manager"), *common, f"--secure-port={free_port()}",
                f"--service-account-private-key-file={self._key}", "--horizontal-pod-autoscaler-sync-period=2s",
                # Nobody speaks for the nodes: this one would take them for dead.
                "--controllers=*,-node-lifecycle-controller",
            ],
        )  # fmt: skip
        self.run("kube-scheduler", [str(self._bin / "kube-scheduler"), *common, f"--secure-port={free_port()}"])
