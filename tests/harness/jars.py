"""Apache Kafka's jars: fetched once by their Maven coordinate, kept outside the repository."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

KAFKA_VERSION = os.environ.get("KAFKA_TEST_VERSION", "4.3.1")
OLDEST_JAVA = 17  # what a broker of 4.x needs

# The dependency plugin is pinned, so that a run in a year does the same as today.
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>kafka-jars</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
    </dependency>
    <!-- a log that goes to standard error without a configuration file -->
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


class JarsUnavailableError(Exception):
    """Kafka cannot be run from jars here; the message says why."""


def kafka_jars(version: str = KAFKA_VERSION) -> Path:
    """The folder with every jar of a broker; fetched where it is not cached yet.

    Raises:
        JarsUnavailableError: no Java that is new enough, no Maven, or the download failed.
    """
    _require_java()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emotion-labeller"
    folder = cache / f"kafka-{version}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        _fetch(version, folder)
    return folder


def _fetch(version: str, folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise JarsUnavailableError("no mvn on the path")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as scratch:
        pom, jars = Path(scratch, "pom.xml"), Path(scratch, "jars")
        pom.write_text(_POM.format(version=version), encoding="utf-8")
        command = ["mvn", "-q", "-B", "-f", str(pom), _COPY, f"-DoutputDirectory={jars}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
        except subprocess.TimeoutExpired as error:
            raise JarsUnavailableError("mvn did not end within 900 s") from error
        if done.returncode != 0 or not any(jars.glob(f"kafka_*-{version}.jar")):
            raise JarsUnavailableError(f"mvn could not fetch Kafka {version}: {(done.stdout + done.stderr)[-800:]}")
        # One rename: a folder in the cache is always whole, whoever dies in between.
        try:
            jars.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another run was faster, and its folder is as good
                raise


def _require_java() -> None:
    if shutil.which("java") is None:
        raise JarsUnavailableError("no java on the path")
    done = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r'version "(\d+)', done.stderr)
    if found is None or int(found.group(1)) < OLDEST_JAVA:
        first_line = (done.stderr.splitlines() or ["java answered nothing"])[0]
        raise JarsUnavailableError(f"Kafka {KAFKA_VERSION} needs Java {OLDEST_JAVA}, found: {first_line}")
