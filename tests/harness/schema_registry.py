"""A real schema registry on this machine: Apicurio, in memory, by its API for clients of Confluent's."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.request import urlopen

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.schema_registry_client import ConfigCompatibilityLevel, ServerConfig

from tests.harness.apache_kafka import die_with_parent
from tests.harness.eventually import eventually
from tests.harness.ports import free_port

_JVM = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


class SchemaRegistry:
    """A registry that runs, looked into by Confluent's own client."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = SchemaRegistryClient({"url": url})

    def register(self, subject: str, schema: str, kind: str = "JSON") -> int:
        """Register a schema; gives its id."""
        return self.client.register_schema(subject, Schema(schema, kind))

    def set_compatibility(self, subject: str, level: str) -> None:
        """Of a subject that is there."""
        self.client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel(level)))

    def versions(self, subject: str) -> list[int]:
        """Those of a subject, none if it is not there."""
        try:
            return self.client.get_versions(subject)
        except SchemaRegistryError as error:
            if error.http_status_code == HTTPStatus.NOT_FOUND:
                return []
            raise


@contextmanager
def apicurio_registry(program: Path, folder: Path) -> Iterator[SchemaRegistry]:
    """One of our own, empty at its start; `folder` keeps its log."""
    port, jar, log = free_port(), next(program.glob("*-runner.jar")), folder / "registry.log"
    options = ["-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}"]
    url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["java", *_JVM, *options, "-jar", jar],
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def answers() -> bool:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            with urlopen(f"{url}/subjects", timeout=10) as answer:  # noqa: S310
                return bool(answer.status == HTTPStatus.OK)
        except OSError:
            return False

    try:
        eventually(answers, 180, "the schema registry answers", interval_s=0.2)
        yield SchemaRegistry(url)
    finally:
        process.kill()
        process.wait(30)
