"""The faults. Each is a function that does it, and gives back what undoes it once the stream has recovered."""

import resource
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.chaos.system import MAX_POLL_SECONDS, SESSION_SECONDS, System
from tests.harness.eventually import eventually
from tests.harness.proxy import END_TXN, TcpProxy

Heal = Callable[[], None]
_OFFSET_COMMIT = 8  # api key
_OUTAGE_SECONDS = SESSION_SECONDS + 2
_LATENCY_SECONDS = 0.05  # each way, and before each frame
_POISON_RECORDS = 300
_LONG_RECORDS = 60


@dataclass(frozen=True)
class Fault:
    """A fault, and how many windows at least once may repeat because of it."""

    name: str
    inject: Callable[[System], Heal | None]
    windows: Callable[[int], int]  # of the number of workers
    unseen_seconds: int = SESSION_SECONDS  # how long nobody can know of it


def _kill_worker(system: System) -> Heal:
    system.kill_worker(system.any_worker())
    return system.start_workers


def _zombie(system: System) -> Heal:
    worker = system.any_worker()
    worker.process.send_signal(signal.SIGSTOP)
    return lambda: worker.process.send_signal(signal.SIGCONT)


def _sigterm(system: System) -> Heal:
    system.drain_worker(system.any_worker())
    return system.start_workers


def _rolling_restart(system: System) -> None:
    for worker in list(system.workers):
        system.drain_worker(worker)
        system.start_workers()


def _scaling(system: System) -> None:
    old = system.chance.sample(system.workers, 2)
    system.start_workers(2)
    for worker in old:
        system.drain_worker(worker)


def _kill_broker_of(choose: Callable[[System], int]) -> Callable[[System], Heal]:
    def inject(system: System) -> Heal:
        node_id = choose(system)
        system.cluster.kill(node_id)
        return lambda: system.restart_broker(node_id)

    return inject


def _kill_all_brokers(system: System) -> None:
    """At once, and exactly once in the moment after a commit was acknowledged: its markers may be forgotten."""
    killed = threading.Event()

    def kill() -> None:
        for node in system.cluster.nodes:
            system.cluster.kill(node.node_id)
        killed.set()

    if system.mode == "exactly_once":
        system.proxies[system.transaction_coordinator()].strike(END_TXN, kill)
        eventually(killed.is_set, 60, "a commit is acknowledged")
    else:
        kill()
    for node in system.cluster.nodes:
        system.cluster.restart(node.node_id, wait=False)
    system.cluster.wait_ready()
    system.wait_in_sync()


def _kill_transaction_coordinator(system: System) -> Heal:
    choose = System.transaction_coordinator if system.mode == "exactly_once" else System.any_broker
    return _kill_broker_of(choose)(system)


def _restart_broker(system: System) -> Heal:
    node_id = system.any_broker()
    system.cluster.stop(node_id)
    return lambda: system.restart_broker(node_id)


def _roll_brokers(system: System) -> None:
    for node in system.cluster.nodes:
        system.restart_broker(node.node_id)


def _pause_broker(system: System) -> Heal:
    node_id = system.any_broker()
    system.cluster.pause(node_id)

    def heal() -> None:
        system.cluster.resume(node_id)
        system.wait_in_sync()

    return heal


def _outage(begin: Callable[[TcpProxy], None]) -> Callable[[System], None]:
    """Longer than a session, of the network between the workers and all brokers."""

    def inject(system: System) -> None:
        for proxy in system.proxies.values():
            begin(proxy)
        threading.Event().wait(_OUTAGE_SECONDS)
        for proxy in system.proxies.values():
            proxy.resume()

    return inject


def _latency(system: System) -> Heal:
    def delay(seconds: float) -> None:
        for proxy in system.proxies.values():
            proxy.latency_s = seconds

    delay(_LATENCY_SECONDS)
    return lambda: delay(0.0)


def _swallow_commit(system: System) -> None:
    """The answer to an end of transaction; at least once has none, there it is that of an offset commit."""
    exactly_once = system.mode == "exactly_once"
    proxy = system.proxies[system.transaction_coordinator() if exactly_once else system.group_coordinator()]
    before = len(proxy.swallowed)
    proxy.swallow(END_TXN if exactly_once else _OFFSET_COMMIT)
    eventually(lambda: len(proxy.swallowed) > before, 60, "the answer to a commit is swallowed")


def _poison(system: System) -> None:
    system.feed.poison_next = _POISON_RECORDS


def _memory_exhausted(system: System) -> Heal:
    """From now on the kernel gives a worker no more address space, and large records come that need some."""
    worker = system.any_worker()
    process = worker.process
    before = resource.prlimit(process.pid, resource.RLIMIT_AS)
    resource.prlimit(process.pid, resource.RLIMIT_AS, (64 << 20, before[1]))
    system.feed.long_next = _LONG_RECORDS

    def heal() -> None:
        if process.poll() is None:
            resource.prlimit(process.pid, resource.RLIMIT_AS, before)

    return heal


def _model_throws(system: System) -> None:
    system.break_model(system.any_worker(), "throw")


def _model_hangs(system: System) -> None:
    system.break_model(system.any_worker(), "hang")


def _disk_full(system: System) -> Heal:
    """From now on every write that makes a file of a broker larger fails."""
    node = system.cluster.nodes[system.any_broker() - 1]
    assert node.process is not None
    before = resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    eventually(lambda: not node.running, 60, "the broker gives up its disk")
    return lambda: system.restart_broker(node.node_id)


def _none(_: int) -> int:
    return 0


def _one(_: int) -> int:
    return 1


def _each(workers: int) -> int:
    return workers


FAULTS: Sequence[Fault] = (
    Fault("kill_worker", _kill_worker, _one),
    Fault("zombie", _zombie, _one),
    Fault("sigterm", _sigterm, _none),
    Fault("rolling_restart", _rolling_restart, _none),
    Fault("scaling", _scaling, _none),
    Fault("kill_broker", _kill_broker_of(System.any_broker), _each),
    Fault("kill_group_coordinator", _kill_broker_of(System.group_coordinator), _each),
    Fault("kill_transaction_coordinator", _kill_transaction_coordinator, _each),
    Fault("kill_all_brokers", _kill_all_brokers, _each),
    Fault("restart_broker", _restart_broker, _each),
    Fault("roll_brokers", _roll_brokers, lambda workers: 3 * workers),
    Fault("pause_broker", _pause_broker, _each),
    Fault("disk_full", _disk_full, _each),
    Fault("cut_network", _outage(TcpProxy.cut), _each),
    Fault("stall_network", _outage(TcpProxy.stall), _each),
    Fault("latency", _latency, _none),
    Fault("swallow_commit", _swallow_commit, _one),
    Fault("add_partition", System.add_partition, _each),
    Fault("topic_made_anew", System.make_input_anew, _each),
    Fault("poison", _poison, _none),
    Fault("memory_exhausted", _memory_exhausted, _one),
    Fault("model_throws", _model_throws, _one),
    Fault("model_hangs", _model_hangs, _one, unseen_seconds=MAX_POLL_SECONDS),
)
