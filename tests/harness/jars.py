"""What runs on Java: fetched once by its Maven coordinate, kept outside the repository."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

KAFKA_VERSION = os.environ.get("KAFKA_TEST_VERSION", "4.3.1")
FLINK_VERSION = "2.2.1"
REGISTRY_VERSION = "2.6.13.Final"  # of Apicurio; 3.x needs Java 21
OLDEST_JAVA = 17  # what a broker of 4.x needs

# The dependency plugin is pinned, so that a run in a year does the same as today.
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>jars</artifactId><version>1</version>
  <dependencies>{dependencies}</dependencies>
</project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
_LOG = "org.slf4j:slf4j-simple:1.7.36"  # a log that goes to standard error without a configuration file


class JarsUnavailableError(Exception):
    """It cannot be run from jars here; the message says why."""


def kafka_jars(version: str = KAFKA_VERSION) -> Path:
    """The folder with every jar of a broker; fetched where it is not cached yet.

    Raises:
        JarsUnavailableError: no Java that is new enough, no Maven, or the download failed.
    """
    return _cached(f"kafka-{version}", lambda scratch: _fetch_kafka(version, scratch))


def kafka_tools(version: str = KAFKA_VERSION) -> Path:
    """The folder with the jar of Kafka's tools, which needs those of a broker beside it; fetched where not cached yet.

    Raises:
        JarsUnavailableError: no Java that is new enough, no Maven, or the download failed.
    """
    return _cached(f"kafka-tools-{version}", lambda scratch: _fetch_tools(version, scratch))


def flink_jars() -> Path:
    """The folder with every jar of Flink SQL and its connector for Kafka, some 130 MB; fetched where not cached yet.

    Raises:
        JarsUnavailableError: no Java that is new enough, no Maven, or the download failed.
    """
    return _cached(f"flink-{FLINK_VERSION}", _fetch_flink)


def registry_folder() -> Path:
    """The folder of an Apicurio registry, some 140 MB; fetched where it is not cached yet.

    Raises:
        JarsUnavailableError: no Java that is new enough, no Maven, or the download failed.
    """
    return _cached(f"apicurio-registry-{REGISTRY_VERSION}", _fetch_registry)


def _cached(name: str, fetch: Callable[[Path], Path]) -> Path:
    """The folder of that name in the cache; `fetch` makes it below the folder it is given."""
    _require_java()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emotion-labeller"
    folder = cache / name
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
            fetched = fetch(Path(scratch))
            # One rename: a folder in the cache is always whole, whoever dies in between.
            try:
                fetched.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another run was faster, and its folder is as good
                    raise
    return folder


def _fetch_kafka(version: str, scratch: Path) -> Path:
    jars = _with_dependencies(f"Kafka {version}", [f"org.apache.kafka:kafka_2.13:{version}"], scratch)
    return _holding(jars, f"kafka_*-{version}.jar")


def _fetch_flink(scratch: Path) -> Path:
    own = ("clients", "json", "connector-base", "table-api-java-bridge", "table-planner-loader", "table-runtime")
    artifacts = [f"org.apache.flink:flink-{name}:{FLINK_VERSION}" for name in own]
    connector = f"org.apache.flink:flink-sql-connector-kafka:5.0.0-{FLINK_VERSION.rpartition('.')[0]}"
    jars = _with_dependencies(f"Flink {FLINK_VERSION}", [*artifacts, connector], scratch)
    return _holding(jars, "flink-sql-connector-kafka-*.jar")


def _with_dependencies(what: str, artifacts: list[str], scratch: Path) -> Path:
    """Fetch these artifacts and all that they need; the folder of their jars."""
    pom, jars = scratch / "pom.xml", scratch / "jars"
    dependencies = "".join(_DEPENDENCY.format(*artifact.split(":")) for artifact in (*artifacts, _LOG))
    pom.write_text(_POM.format(dependencies=dependencies), encoding="utf-8")
    _maven(what, "copy-dependencies", "-f", str(pom), f"-DoutputDirectory={jars}", cwd=scratch)
    return jars


def _fetch_tools(version: str, scratch: Path) -> Path:
    artifact, folder = f"org.apache.kafka:kafka-tools:{version}", scratch / "tools"
    _maven(artifact, "copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}", cwd=scratch)
    return _holding(folder, "kafka-tools-*.jar")


def _fetch_registry(scratch: Path) -> Path:
    artifact, folder = f"io.apicurio:apicurio-registry-app:{REGISTRY_VERSION}:tar.gz:all", scratch / "registry"
    _maven(artifact, "unpack", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}", cwd=scratch)
    return _holding(folder, "*-runner.jar")


def _maven(what: str, goal: str, *options: str, cwd: Path) -> None:
    """Fetch `what` by a goal of the dependency plugin."""
    if shutil.which("mvn") is None:
        raise JarsUnavailableError("no mvn on the path")
    command = ["mvn", "-q", "-B", f"{_PLUGIN}:{goal}", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=cwd)
    except subprocess.TimeoutExpired as error:
        raise JarsUnavailableError("mvn did not end within 900 s") from error
    if done.returncode != 0:
        raise JarsUnavailableError(f"mvn could not fetch {what}: {(done.stdout + done.stderr)[-800:]}")


def _holding(folder: Path, pattern: str) -> Path:
    if not any(folder.glob(pattern)):
        raise JarsUnavailableError(f"mvn fetched no {pattern}")
    return folder


def _require_java() -> None:
    if shutil.which("java") is None:
        raise JarsUnavailableError("no java on the path")
    done = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=60, check=False)
    found = re.search(r'version "(\d+)', done.stderr)
    if found is None or int(found.group(1)) < OLDEST_JAVA:
        first_line = (done.stderr.splitlines() or ["java answered nothing"])[0]
        raise JarsUnavailableError(f"Kafka {KAFKA_VERSION} needs Java {OLDEST_JAVA}, found: {first_line}")
