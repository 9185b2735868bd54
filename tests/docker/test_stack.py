"""The images and the compose stack, as far as files tell; `make stack` runs them."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from schemas.published import documents
from tests.harness.jars import KAFKA_VERSION
from worker.settings import Settings, variable

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker/worker.Dockerfile").read_text(encoding="utf-8")
TRAINER_DOCKERFILE = (ROOT / "docker/trainer.Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
IGNORED = [
    line
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def copied(dockerfile: str = DOCKERFILE) -> list[str]:
    """What a Dockerfile copies from the repository."""
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    return [source for line in lines for source in line.split()]


def in_context(path: str) -> bool:
    """Whether the engine is sent this path: the last line that it or a folder above it matches decides."""
    paths = ["/" + str(p) for p in (Path(path), *Path(path).parents[:-1])]
    sent = True
    for line in IGNORED:
        pattern = ("/" + line.removeprefix("!")).replace("/**/", "*/")
        if any(fnmatch(p, pattern) for p in paths):
            sent = line.startswith("!")
    return sent


def test_the_image_copies_only_what_exists_and_is_sent_to_the_engine() -> None:
    assert {"schemas", "trainer", "worker", "pyproject.toml"} <= set(copied())
    for source in copied():
        assert (ROOT / source).exists(), source
        assert in_context(source), source


@pytest.mark.parametrize("path", [".env", ".git", ".venv", "tests", "docker", "artifacts", "worker/__pycache__"])
def test_history_secrets_and_leftovers_are_not_sent_to_the_engine(path: str) -> None:
    assert not in_context(path)


def test_the_image_runs_the_worker_as_an_ordinary_user() -> None:
    last_stage = DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER [1-9]\d*$", last_stage, re.MULTILINE)
    assert 'ENTRYPOINT ["emotion-worker"]\nCMD ["run"]' in last_stage


def test_the_image_of_the_trainer_runs_it_as_an_ordinary_user_and_copies_the_same() -> None:
    last_stage = TRAINER_DOCKERFILE.split("\nFROM ")[-1]
    assert re.search(r"^USER [1-9]\d*$", last_stage, re.MULTILINE)
    assert 'ENTRYPOINT ["emotion-trainer"]' in last_stage
    assert copied(TRAINER_DOCKERFILE) == copied()


@pytest.mark.parametrize("dockerfile", [DOCKERFILE, TRAINER_DOCKERFILE], ids=["worker", "trainer"])
def test_images_bear_the_version_of_the_distribution_and_can_install_nothing(dockerfile: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f'org.opencontainers.image.version="{version}"' in dockerfile
    assert "python -m venv --without-pip /venv" in dockerfile
    assert re.search(r"pip uninstall --yes .*\bpip$", dockerfile.split("\nFROM ")[-1], re.MULTILINE)


@pytest.mark.parametrize("dockerfile", [DOCKERFILE, TRAINER_DOCKERFILE], ids=["worker", "trainer"])
def test_what_changes_least_lies_lowest_in_an_image(dockerfile: str) -> None:
    last_stage = dockerfile.split("\nFROM ")[-1]
    layers = ["COPY --from=torch ", "--requirement ", "COPY --from=product /bundled ", "COPY --from=product /venv "]
    places = [last_stage.index(each) for each in [*layers, "ENTRYPOINT ", "ARG REVISION", "LABEL "]]
    assert places == sorted(places)
    assert "COPY constraints.txt" not in last_stage  # a pin of a tool would make all that lies above it anew


def test_workers_and_sample_share_an_image_without_gpu_and_one_with_it_is_asked_for_by_its_profile() -> None:
    assert SERVICES["worker"]["image"] == SERVICES["sample"]["image"] != SERVICES["worker-gpu"]["image"]
    assert "ARG TORCH=cpu\n" in DOCKERFILE
    assert "args" not in SERVICES["worker"]["build"]
    assert SERVICES["worker-gpu"]["build"]["args"] == {"TORCH": "cuda"}


@pytest.mark.parametrize("service", ["worker", "worker-gpu"])
def test_workers_of_the_stack_end_at_a_signal_that_comes_before_they_listen(service: str) -> None:
    assert SERVICES[service]["init"] is True


@pytest.mark.parametrize("service", ["worker", "worker-gpu"])
def test_workers_of_the_stack_have_no_rights_and_write_to_memory_only(service: str) -> None:
    worker = SERVICES[service]
    assert worker["read_only"] is True
    assert worker["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in worker["security_opt"]
    assert [mount.partition(":")[0] for mount in worker["tmpfs"]] == ["/tmp"]  # noqa: S108 - inside the container
    assert "volumes" not in worker


def test_the_stack_publishes_ports_on_the_machine_itself_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_setting_in_the_stack_is_one_that_the_worker_knows() -> None:
    known = {variable(field) for field in Settings.model_fields}
    used = {name for service in SERVICES.values() for name in service.get("environment", {}) if "EMOTION_" in name}
    assert "EMOTION_BOOTSTRAP_SERVERS" in used
    assert used <= known


def test_the_stack_makes_the_topics_that_the_worker_uses() -> None:
    made = re.search(r"for topic in (.+);", SERVICES["topics"]["command"][0])
    assert made is not None
    topics = [field.default for name, field in Settings.model_fields.items() if name.endswith("_topic")]
    used = [topic for topic in topics if topic is not None]
    assert sorted(made[1].split()) == sorted(used)


@pytest.mark.skipif("KAFKA_TEST_VERSION" in os.environ, reason="the tests run on another Kafka for once")
def test_the_stack_runs_the_kafka_that_the_tests_run_on() -> None:
    images = {service["image"] for service in SERVICES.values() if "kafka" in service.get("image", "")}
    assert images == {f"apache/kafka:{KAFKA_VERSION}"}


def test_the_wheel_of_the_image_holds_model_contracts_and_examples_and_no_tests(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    context, dist, unpacked = tmp_path / "context", tmp_path / "dist", tmp_path / "unpacked"
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, context / source)
        else:
            context.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, context)
    build = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={dist}", str(context)]
    subprocess.run([sys.executable, "-m", *build], check=True, timeout=120)
    with zipfile.ZipFile(next(dist.iterdir())) as wheel:
        names = set(wheel.namelist())
        wheel.extractall(unpacked)
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"schemas", "trainer", "worker"}
    assert {
        "worker/bundled/model.safetensors",
        "worker/bundled/tokenizer.json",
        "worker/bundled/manifest.json",
        "worker/page/page.html",
        "schemas/published_json/asyncapi.json",
        "schemas/examples/produce.py",
        "schemas/examples/text_message/valid/minimal.json",
    } <= names

    def run(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", *arguments], cwd=unpacked, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    assert run("worker", "schema", "emotion-label.schema.json") == documents()["emotion-label.schema.json"].decode()
    assert "--bootstrap-servers" in run("schemas.examples.produce", "--help")
