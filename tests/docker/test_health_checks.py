"""The containers' health checks, run against the worker's own endpoint."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry

from tests.harness.ports import free_port
from worker.observe.endpoint import endpoint
from worker.observe.health import Health

DOCKER = Path(__file__).parents[2] / "docker"


class _Fixed:
    """Health that is as it is told to be."""

    def __init__(self, *, live: bool, ready: bool) -> None:
        self._live = live
        self._ready = ready

    def not_live(self) -> list[str]:
        return [] if self._live else ["loop: hangs"]

    def not_ready(self) -> list[str]:
        return [] if self._ready else ["brokers: no answer"]


def of_the_image() -> list[str]:
    text = (DOCKER / "worker.Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    line = next(line for line in text.splitlines() if line.startswith("HEALTHCHECK"))
    command: list[str] = json.loads(line.partition(" CMD ")[2])
    return command


def of_the_stack() -> list[str]:
    compose: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
    first, *command = compose["services"]["worker"]["healthcheck"]["test"]
    assert first == "CMD"
    return list(command)


def healthy(command: list[str], port: int, serve_port: int | None = None) -> bool:
    python, *rest = (word.replace("8080", str(port)) for word in command)
    assert python == "python"
    environment = os.environ | {"EMOTION_HTTP_PORT": str(port), "EMOTION_SERVE_PORT": str(serve_port or free_port())}
    done = subprocess.run([sys.executable, *rest], env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode in (0, 1)
    return done.returncode == 0


@pytest.mark.parametrize(
    ("command", "live", "ready", "expected"),
    [
        (of_the_image(), True, True, True),
        (of_the_image(), True, False, True),
        (of_the_image(), False, True, False),
        (of_the_stack(), True, True, True),
        (of_the_stack(), True, False, False),
    ],
    ids=["image-well", "image-no-brokers", "image-hangs", "stack-well", "stack-no-brokers"],
)
def test_the_image_is_healthy_while_live_and_the_stack_while_ready(
    command: list[str], live: bool, ready: bool, expected: bool
) -> None:
    port = free_port()
    with endpoint(port, cast(Health, _Fixed(live=live, ready=ready)), CollectorRegistry()):
        assert healthy(command, port) is expected


@pytest.mark.parametrize("live", [True, False])
def test_the_image_is_healthy_while_serve_is_live(live: bool) -> None:
    port = free_port()
    with endpoint(port, cast(Health, _Fixed(live=live, ready=True)), CollectorRegistry()):
        assert healthy(of_the_image(), free_port(), port) is live


@pytest.mark.parametrize("command", [of_the_image(), of_the_stack()], ids=["image", "stack"])
def test_no_answer_is_not_healthy(command: list[str]) -> None:
    assert not healthy(command, free_port())
