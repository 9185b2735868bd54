"""`emotion-worker run` with a device that is made up: `python -m tests.benchmarks.harness.simulated_worker run`.

A batch takes SIMULATED_BATCH_MS + its padded tokens x SIMULATED_TOKEN_US; one batch at a time, whatever process it is
from, where SIMULATED_DEVICE names a file to lock. Without these it costs nothing. Tokenizer, client and loop are real.
"""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch

from worker.__main__ import main
from worker.model.model import Model
from worker.model.packing import Inputs

MODULE = "tests.benchmarks.harness.simulated_worker"


def _forward(model: Model, inputs: Inputs) -> torch.Tensor:
    seconds = (
        float(os.environ.get("SIMULATED_BATCH_MS", 0)) / 1e3
        + inputs.ids.numel() * float(os.environ.get("SIMULATED_TOKEN_US", 0)) / 1e6
    )
    device = os.environ.get("SIMULATED_DEVICE")
    with _device(Path(device), seconds) if device else nullcontext():
        if seconds:
            time.sleep(seconds)
    labels = len(model.info.labels)
    return torch.full((len(inputs.starts), labels), 1 / labels)


@contextmanager
def _device(lock: Path, seconds: float) -> Iterator[None]:
    """The device is ours alone; its file adds up how long it was busy."""
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        file.write(f"{seconds}\n")


if __name__ == "__main__":
    Model.forward = _forward  # type: ignore[method-assign, assignment]
    sys.exit(main())
