"""What is done to the stack while texts stream in, by an operator's commands. Each fault heals what it broke."""

import threading
import time
from collections.abc import Callable

from tests.stack.engine import compose, containers, inspect, run

_CUT_SECONDS = 20
_AWAY_SECONDS = 30
_NETWORK = "emotion-stack_default"
_pause = threading.Event().wait


def stop() -> str:
    """One worker is stopped in order, and another comes."""
    worker = containers("worker")[0]
    begun = time.monotonic()
    run("docker", "stop", "--time", "60", worker)
    took_s, code = time.monotonic() - begun, inspect(worker)["State"]["ExitCode"]
    compose("up", "--detach", "--no-build", "--no-deps", "--scale", "worker=2", "worker")
    return f"exit code {code}, after {took_s:.1f} s"


def kill() -> str:
    """One worker is killed, and started by hand: the engine takes `docker kill` for a wish, and restarts nothing."""
    worker = containers("worker")[0]
    run("docker", "kill", worker)
    code = inspect(worker)["State"]["ExitCode"]
    run("docker", "start", worker)
    return f"exit code {code}"


def scale() -> str:
    """A third worker comes, and one goes."""
    compose("up", "--detach", "--no-build", "--no-deps", "--no-recreate", "--scale", "worker=3", "worker")
    _pause(_AWAY_SECONDS)
    compose("up", "--detach", "--no-build", "--no-deps", "--no-recreate", "--scale", "worker=2", "worker")
    return "2 to 3 to 2"


def cut_network() -> str:
    """One worker is taken off its network, and put back."""
    worker = containers("worker")[0]
    run("docker", "network", "disconnect", _NETWORK, worker)
    _pause(_CUT_SECONDS)
    run("docker", "network", "connect", _NETWORK, worker)
    return f"{_CUT_SECONDS} s"


def restart_broker() -> str:
    """The broker is stopped in order, and started again."""
    compose("stop", "kafka")
    _pause(_AWAY_SECONDS)
    compose("start", "kafka")
    return f"{_AWAY_SECONDS} s"


def kill_broker() -> str:
    """The broker is killed, and started again."""
    compose("kill", "kafka")
    compose("start", "kafka")
    return "at once"


def stop_in_the_first_second() -> str:
    """Containers of the image are stopped at odd moments of their start; gives exit codes and how long each took."""
    told = []
    for wait_s in (0.0, 0.3, 1.0, 3.0, 8.0):
        worker = run("docker", "run", "--detach", "--init", "--network", _NETWORK, *_SETTINGS, "emotion-worker")
        _pause(wait_s)
        begun = time.monotonic()
        run("docker", "stop", "--time", "60", worker)
        told.append(f"{wait_s:g} s: {inspect(worker)['State']['ExitCode']}, {time.monotonic() - begun:.1f} s")
        run("docker", "rm", worker)
    return "exit code and time to stop after " + "; ".join(told)


_SETTINGS = ("--env", "EMOTION_BOOTSTRAP_SERVERS=kafka:19092", "--read-only", "--tmpfs", "/tmp:mode=1777,size=512m")  # noqa: S108

FAULTS: tuple[Callable[[], str], ...] = (
    stop,
    kill,
    scale,
    cut_network,
    restart_broker,
    kill_broker,
    stop_in_the_first_second,
)
