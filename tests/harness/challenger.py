"""A challenger beside a stream's live workers, and what transformers itself makes of the texts."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.harness.eventually import eventually
from tests.harness.independent import StoredRecord, committed_offsets, end_offsets
from tests.harness.worker_process import WorkerProcess


class Challenger(WorkerProcess):
    """`emotion-worker run --challenger`; what it prints is kept."""

    def _launch(self, *command: str) -> "subprocess.Popen[str]":
        self._printed = self._folder / f"printed-{uuid.uuid4().hex[:8]}"
        with self._printed.open("w") as printed:
            return subprocess.Popen(
                [sys.executable, "-m", self._module, *command],
                env=self.environment,
                cwd=self._folder,
                stdout=printed,
                stderr=subprocess.PIPE,
                text=True,
            )

    def summary(self) -> dict[str, Any]:
        """What it said at its end."""
        figures: dict[str, Any] = orjson.loads(self._printed.read_bytes().splitlines()[-1])
        return figures


@contextmanager
def challenger(live: WorkerProcess, folder: Path, model: Path, *options: str) -> Iterator[Challenger]:
    """One that runs while the block does, with the settings of a live worker, which need not run."""
    process = Challenger(folder)
    process.environment = live.environment
    with process.start("run", f"--challenger={model}", *options) as running:
        yield running


def wait_until_compared(servers: str, group: str, labels: str) -> None:
    """Until the challenger's group stands at the end of the topic of labels."""

    def is_read() -> bool:
        committed, ends = committed_offsets(servers, group, labels), end_offsets(servers, labels)
        return all(committed.get(partition, 0) == end for partition, end in ends.items())

    eventually(is_read, 90, "the challenger has read all labels", interval_s=0.2)


def content(record: StoredRecord) -> dict[str, Any]:
    """What a record holds."""
    found: dict[str, Any] = orjson.loads(record.value or b"")
    return found


def pipeline_labels(model: Path, texts: list[str]) -> list[dict[str, Any]]:
    """What transformers makes of the texts, each alone: label and score."""
    from transformers import pipeline

    return list(pipeline("text-classification", str(model), device="cpu")(texts, batch_size=1))
