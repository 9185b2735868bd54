"""Real Apache Kafka on this machine: KRaft, one broker or several, that can be stopped, killed and paused."""

import contextlib
import ctypes
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.harness.eventually import eventually
from tests.harness.ports import free_port
from tests.harness.proxy import TcpProxy

_CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAQ"
_JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]  # quick to start, small
_LOG = ["-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"]
_PR_SET_PDEATHSIG = 1


class KafkaStartError(Exception):
    """A broker did not come up; the message ends with the end of its log."""


@dataclass
class Node:
    """One broker, which is a controller as well."""

    node_id: int
    folder: Path
    port: int = field(default_factory=free_port)
    proxied_port: int = field(default_factory=free_port)  # where the broker listens for what comes through the proxy
    proxy_port: int = field(default_factory=free_port)  # where a proxy has to listen; the broker advertises it
    proxy_host: str = "127.0.0.1"  # which the broker advertises with that port
    controller_port: int = field(default_factory=free_port)
    more_ports: dict[str, int] = field(default_factory=dict)  # of the listeners that a test asked for, by name
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class ApacheKafka:
    """A cluster on free loopback ports, with all that it writes below one folder.

    Brokers can be reached in two ways: directly (`bootstrap_servers`), or through the ports that
    `proxy()` listens on (`proxied_bootstrap_servers`), so that a fault in the network hits the client
    under test and never the client that checks it.
    """

    def __init__(
        self,
        jars: Path,
        folder: Path,
        *,
        brokers: int = 1,
        properties: Mapping[str, str] | None = None,
        listeners: Mapping[str, str] | None = None,
        heap_mb: int = 512,
    ) -> None:
        """Choose the ports; nothing runs yet.

        Args:
            jars: The folder with the broker's jars.
            folder: Where everything is written.
            brokers: How many.
            properties: Of every broker, over what `_settings` says.
            listeners: Further ones, by name, with their security protocol.
            heap_mb: Of each broker.
        """
        self._listeners = dict(listeners or {})
        self.nodes = [
            Node(node_id, folder / f"node-{node_id}", more_ports={name: free_port() for name in self._listeners})
            for node_id in range(1, brokers + 1)
        ]
        self._jars = jars
        self._properties = dict(properties or {})
        self._heap = f"-Xmx{heap_mb}m"

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def proxied_bootstrap_servers(self) -> str:
        return ",".join(f"127.0.0.1:{node.proxy_port}" for node in self.nodes)

    def proxy(self, node_id: int = 1) -> TcpProxy:
        """A proxy (a context manager) in front of one broker, for clients with `proxied_bootstrap_servers`."""
        node = self._node(node_id)
        return TcpProxy(node.proxy_port, node.proxied_port)

    def start(self) -> Self:
        """Format the storage, start every broker, and return when all of them answer.

        Raises:
            KafkaStartError: one of them ended, or the deadline passed.
        """
        try:
            self._format()
            for node in self.nodes:
                self._spawn(node)
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Kill every broker and remove its data; the logs stay."""
        for node in self.nodes:
            self.kill(node.node_id)
            shutil.rmtree(node.folder / "data", ignore_errors=True)

    def stop(self, node_id: int = 1, timeout_s: float = 60) -> None:
        """Shut a broker down in order (SIGTERM)."""
        self._signal(node_id, signal.SIGTERM).wait(timeout_s)

    def kill(self, node_id: int = 1) -> None:
        """End a broker at once (SIGKILL), paused or not; nothing happens if it is not running."""
        if self._node(node_id).running:
            self._signal(node_id, signal.SIGKILL).wait(30)

    def restart(self, node_id: int = 1, *, wait: bool = True) -> None:
        """Start a broker again on the data and the ports it had; one that runs is shut down before."""
        node = self._node(node_id)
        if node.running:
            self.stop(node_id)
        self._spawn(node)
        if wait:
            self.wait_ready()

    def pause(self, node_id: int = 1) -> None:
        """Freeze a broker (SIGSTOP): connections stay open, nothing is answered."""
        self._signal(node_id, signal.SIGSTOP)

    def resume(self, node_id: int = 1) -> None:
        self._signal(node_id, signal.SIGCONT)

    def set_broker_config(self, name: str, value: str, node_id: int = 1) -> None:
        """Change a setting of a running broker."""
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.BROKER, str(node_id), incremental_configs=[entry])
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})  # held: its answers never come otherwise
        admin.incremental_alter_configs([resource])[resource].result(30)

    def wait_ready(self, timeout_s: float = 180) -> None:
        """Return when every running broker is in the metadata and, if all run, each partition has a leader.

        Raises:
            KafkaStartError: a broker ended meanwhile, or the deadline passed.
        """
        wanted = [node for node in self.nodes if node.process is not None and node.running]
        admin = AdminClient(
            {"bootstrap.servers": self.bootstrap_servers, "reconnect.backoff.max.ms": 200, "log_level": 0}
        )

        def ready() -> bool:
            for node in wanted:
                if not node.running:
                    raise KafkaStartError(f"broker {node.node_id} ended: {_tail(node.log)}")
            try:
                metadata = admin.list_topics(timeout=1)
            except KafkaException:
                return False
            partitions = [p for topic in metadata.topics.values() for p in topic.partitions.values()]
            led = len(wanted) < len(self.nodes) or all(p.leader in metadata.brokers for p in partitions)
            return led and {node.node_id for node in wanted} <= set(metadata.brokers)

        try:
            eventually(ready, timeout_s, f"brokers at {self.bootstrap_servers} answer")
        except AssertionError as error:
            logs = "\n".join(_tail(node.log) for node in self.nodes)
            raise KafkaStartError(f"{error}\n{logs}") from error

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _node(self, node_id: int) -> Node:
        return self.nodes[node_id - 1]

    def _signal(self, node_id: int, number: signal.Signals) -> "subprocess.Popen[bytes]":
        process = self._node(node_id).process
        if process is None:
            raise ValueError(f"broker {node_id} was never started")
        process.send_signal(number)
        return process

    def _format(self) -> None:
        tools = []
        for node in self.nodes:
            node.folder.mkdir(parents=True)
            settings = _settings(node, self.nodes, self._listeners) | self._properties
            text = "".join(f"{name}={value}\n" for name, value in settings.items())
            (node.folder / "server.properties").write_text(text, encoding="utf-8")
            arguments = ["format", "-t", _CLUSTER_ID, "-c", str(node.folder / "server.properties")]
            tools.append((node, self._java(node, "kafka.tools.StorageTool", *arguments)))
        for node, tool in tools:
            if tool.wait(120) != 0:
                raise KafkaStartError(f"storage of broker {node.node_id} was not formatted: {_tail(node.log)}")

    def _spawn(self, node: Node) -> None:
        node.process = self._java(node, "kafka.Kafka", str(node.folder / "server.properties"))

    def _java(self, node: Node, main: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = ["java", self._heap, *_JVM, *_LOG, "-cp", f"{self._jars}/*", main, *arguments]
        # The kernel keeps that promise by thread: one started from a passing thread would die with the thread.
        last_wish = die_with_parent if threading.current_thread() is threading.main_thread() else None
        with node.log.open("ab") as log:
            # Its own session, so that Ctrl-C reaches the tests alone, which then end the broker in order.
            return subprocess.Popen(
                command, stdout=log, stderr=log, cwd=node.folder, start_new_session=True, preexec_fn=last_wish
            )


@dataclass(frozen=True)
class KafkaUnderTest:
    """Where the broker of the tests is; with the cluster itself only where it was started here, from jars."""

    bootstrap_servers: str
    cluster: ApacheKafka | None = None


def _settings(node: Node, nodes: list[Node], listeners: Mapping[str, str]) -> dict[str, str]:
    """What a broker is told: as Kafka ships it, but small, quick to start, and with nothing made behind our back."""
    copies = min(3, len(nodes))
    more = "".join(f",{name}://127.0.0.1:{port}" for name, port in node.more_ports.items())
    protocols = "".join(f",{name}:{protocol}" for name, protocol in listeners.items())
    settings: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": node.node_id,
        "broker.rack": f"rack-{node.node_id}",
        "controller.quorum.voters": ",".join(f"{n.node_id}@127.0.0.1:{n.controller_port}" for n in nodes),
        "listeners": f"CLIENT://127.0.0.1:{node.port},PROXIED://127.0.0.1:{node.proxied_port},"
        f"CONTROLLER://127.0.0.1:{node.controller_port}{more}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{node.port},PROXIED://{node.proxy_host}:{node.proxy_port}{more}",
        "listener.security.protocol.map": f"CLIENT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": node.folder / "data",
        "default.replication.factor": copies,
        "min.insync.replicas": 2 if copies == 3 else 1,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": 2 if copies == 3 else 1,
        "transaction.state.log.num.partitions": 4,
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 3000,  # 9 s otherwise, which a killed broker has to wait before it is let in again
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,  # members that die are missed sooner where a test says so
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,  # 10 s otherwise
        "log.initial.task.delay.ms": 5000,
        "log.cleaner.dedupe.buffer.size": 4 << 20,  # 128 MiB otherwise
        "num.network.threads": 2,
        "num.io.threads": 4,
    }
    return {name: str(value) for name, value in settings.items()}


def die_with_parent() -> None:
    """A broker never outlives the tests, however they end (Linux only; elsewhere a kill -9 of the tests leaves it)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _tail(log: Path, characters: int = 3000) -> str:
    return f"{log.name} of {log.parent.name}:\n{log.read_text(encoding='utf-8', errors='replace')[-characters:]}"
