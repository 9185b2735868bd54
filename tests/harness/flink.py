"""Flink SQL on a cluster of its own in one Java process."""

import subprocess
from pathlib import Path

from tests.harness.jars import flink_jars

_JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]


def run_flink_sql(file: Path) -> None:
    """Run the statements of a file, each to its end: what it reads must have one.

    Raises:
        JarsUnavailableError: Flink cannot be run here.
    """
    command = ["java", *_JVM, "-cp", f"{flink_jars()}/*", str(Path(__file__).with_name("RunSql.java")), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=file.parent, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
