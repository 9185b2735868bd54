"""The trainer, whose second process is late to write its part of a checkpoint: run it under torchrun."""

import time

from transformers import Trainer

from trainer.__main__ import main

_LATE_SECONDS = 1.0

_save_rng_state = Trainer._save_rng_state


def _save_late(self: Trainer, output_dir: str) -> None:
    if self.args.process_index == 1:  # the fault that the test plants: nobody waits for anything here
        time.sleep(_LATE_SECONDS)
    _save_rng_state(self, output_dir)


Trainer._save_rng_state = _save_late  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
