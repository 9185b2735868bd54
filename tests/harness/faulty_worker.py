"""`emotion-worker run` with a model that can be told to fail: `python -m tests.harness.faulty_worker run`.

A file `fault-PID` in its working folder says how. It holds for that process alone, so that the one that replaces it is
sound.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Any

from worker.__main__ import main
from worker.model.model import Model
from worker.observe import health

MODULE = "tests.harness.faulty_worker"
SLOW_SECONDS = 9
PATIENCE_SECONDS = 8.0  # so that a test need not wait as long as an operator


def break_model(folder: Path, pid: int, how: str) -> None:
    """From its next batch on the model of this process throws (`throw`) or hangs (`hang`), or is `slow` once."""
    control = folder / f"fault-{pid}"
    control.with_suffix(".new").write_text(how, encoding="utf-8")
    control.with_suffix(".new").rename(control)


def _with_faults(scores: Any) -> Any:
    control = Path(f"fault-{os.getpid()}")

    def faulty(model: Model, batch: Any) -> Any:
        if control.exists():
            how = control.read_text(encoding="utf-8")
            if how == "throw":
                raise RuntimeError("the device says no")
            if how == "slow":
                control.unlink()
            threading.Event().wait(SLOW_SECONDS if how == "slow" else None)
        return scores(model, batch)

    return faulty


if __name__ in ("__main__", "__mp_main__"):  # the second is what a child of the supervisor calls it
    Model._scores = _with_faults(Model._scores)  # type: ignore[method-assign]
    health.PATIENCE_SECONDS = PATIENCE_SECONDS
if __name__ == "__main__":
    sys.exit(main())
