"""Kafka's own command-line tools, as operators use them."""

import subprocess
from pathlib import Path

from tests.harness.jars import kafka_jars, kafka_tools

_JVM = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]


def group_lag(servers: str, group: str, topic: str) -> dict[int, int]:
    """The lag of each partition, as `kafka-consumer-groups.sh --describe` prints it; "-" is left out.

    Raises:
        JarsUnavailableError: the tools cannot be run here.
    """
    classes = ":".join(f"{folder}/*" for folder in (kafka_jars(), kafka_tools()))
    command = ["java", *_JVM, "-cp", classes, "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"]
    options = ["--bootstrap-server", servers, "--group", group, "--describe"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120, cwd=Path.home())
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()]
    heads = next((line for line in lines if "LAG" in line), [])
    assert heads, f"no table: {done.stdout}{done.stderr[-2000:]}"
    rows = [dict(zip(heads, line, strict=False)) for line in lines if line[:2] == [group, topic]]
    return {int(row["PARTITION"]): int(row["LAG"]) for row in rows if row["LAG"] != "-"}
