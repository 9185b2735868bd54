"""The stack of docker/compose.yaml through the commands that an operator types."""

import json
import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# A project of its own: what `down --volumes` deletes at the end is nobody's.
_COMPOSE = ("docker", "compose", "--file", str(ROOT / "docker/compose.yaml"), "--project-name", "emotion-stack")
_PATIENCE_S = 3600  # an image is built in it


def run(*command: str) -> str:
    """What a command prints to standard output.

    Raises:
        SystemExit: it failed, or is not there; with what it said.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S, cwd=ROOT)
    except OSError as error:
        raise SystemExit(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout.strip()


def compose(*arguments: str) -> str:
    """`docker compose` with these arguments."""
    return run(*_COMPOSE, *arguments)


def build() -> None:
    """Make the worker's image, as its page says."""
    revision = f"REVISION={run('git', 'rev-parse', 'HEAD')}"
    run(
        "docker", "build", "--file", "docker/worker.Dockerfile", "--tag", "emotion-worker", "--build-arg", revision, "."
    )


def versions() -> dict[str, str]:
    """Of the engine and what belongs to it; ends the program where there is none."""
    return {
        "Docker Engine": run("docker", "version", "--format", "{{.Server.Version}}"),
        "Docker Compose": run("docker", "compose", "version", "--short"),
        "kernel": run("uname", "--kernel-release").partition("-")[0],
        "commit": run("git", "rev-parse", "--short", "HEAD"),
    }


def containers(service: str) -> list[str]:
    """The ids of its containers that run."""
    return compose("ps", "--quiet", service).split()


def inspect(container: str) -> dict[str, Any]:
    """All that the engine knows of a container."""
    (found,) = json.loads(run("docker", "inspect", container))
    return dict(found)


def seconds_to_join(container: str) -> float:
    """From the start of a worker's container until it was given partitions, as its log says."""
    started = datetime.fromisoformat(inspect(container)["State"]["StartedAt"][:26] + "+00:00")
    done = subprocess.run(
        ("docker", "logs", "--timestamps", container), capture_output=True, text=True, check=True, timeout=60
    )
    joined = next(line for line in done.stderr.splitlines() if "partitions_assigned" in line)
    return (datetime.fromisoformat(joined[:26] + "+00:00") - started).total_seconds()


def memory_mib(container: str) -> float:
    """What a container uses now, without the page cache that the engine can take back."""
    used = run("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", container).split("/")[0].strip()
    number, unit = re.fullmatch(r"([\d.]+)([KMG])iB", used).groups()  # type: ignore[union-attr]
    return float(number) * {"K": 1 / 1024, "M": 1, "G": 1024}[unit]


def layers(image: str) -> list[tuple[str, str]]:
    """Size and making of each layer that holds something, the lowest first."""
    lines = run("docker", "history", "--no-trunc", "--format", "{{json .}}", image).splitlines()
    made = [json.loads(line) for line in reversed(lines)]
    return [(layer["Size"], layer["CreatedBy"]) for layer in made if layer["Size"] != "0B"]
