"""A real schema registry on this machine: Apicurio, in memory, by its API for clients of Confluent's."""

import subprocess
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.schema_registry_client import ConfigCompatibilityLevel, ServerConfig

from tests.harness.apache_kafka import die_with_parent
from tests.harness.eventually import eventually
from tests.harness.ports import free_port

_JVM = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


class SchemaRegistry:
    """One registry, empty at its start. Use it in a `with` block; looked into by Confluent's own client."""

    def __init__(self, program: Path, folder: Path) -> None:
        """Choose the port; nothing runs yet."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"
        self.client = SchemaRegistryClient({"url": self.url})
        self._jar = next(program.glob("*-runner.jar"))
        self._log = folder / "registry.log"

    def register(self, subject: str, schema: str) -> int:
        """Register a JSON schema; gives its id."""
        return self.client.register_schema(subject, Schema(schema, "JSON"))

    def set_compatibility(self, subject: str, level: str) -> None:
        """Of a subject that is there."""
        self.client.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel(level)))

    def versions(self, subject: str) -> list[int]:
        """Those of a subject, none if it is not there."""
        try:
            return self.client.get_versions(subject)
        except SchemaRegistryError as error:
            if error.http_status_code == 404:
                return []
            raise

    def __enter__(self) -> Self:
        options = ["-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={self.port}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["java", *_JVM, *options, "-jar", self._jar],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        try:
            eventually(self._answers, 240, "the schema registry answers", interval_s=0.2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(30)

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text(errors="replace")[-3000:]
        try:
            with urlopen(f"{self.url}/subjects", timeout=10) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False
