"""The command line of `emotion-trainer`: one command each in `trainer.commands`."""

import argparse
import importlib.util
import sys
from collections.abc import Mapping
from types import ModuleType

from schemas.machine.cores import share_cores
from trainer.commands import (
    compare,
    cue_label,
    data_report,
    evaluate,
    export,
    golden_set,
    negate,
    reviews,
    soft_label,
    train,
)
from trainer.commands.common import flush_output
from trainer.errors import UserError

# What the extra `trainer` of the distribution brings; the worker does without.
_EXTRA = ("accelerate", "datasets", "matplotlib", "sklearn")

COMMANDS: Mapping[str, ModuleType] = {
    "train": train,
    "evaluate": evaluate,
    "soft-label": soft_label,
    "cue-label": cue_label,
    "negate": negate,
    "export": export,
    "golden-set": golden_set,
    "data-report": data_report,
    "reviews": reviews,
    "compare": compare,
}
"""Each command by name, in the order in which they are listed: HELP tells what it does, `run` does it.

What `run` returns is the exit code; None is 0.
"""


def main() -> None:
    """Runs one command and exits: 0 if all went well, 2 on what the user can mend, 1 on what may pass or is worse."""
    share_cores()
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Runs one command and returns the exit code, as `main` has it."""
    try:
        try:
            return _run(argv)
        finally:
            flush_output()
    except UserError as error:
        return _fail(str(error), 2)
    except BrokenPipeError:  # the reader of our output has seen enough
        return 1
    except OSError as error:  # no space, no right, a disk that fails
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        return _fail("interrupted", 1)


def _run(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="emotion-trainer",
        description="Fine-tune, measure and export emotion models.",
        epilog="commands:\n" + "\n".join(f"  {name:13}{module.HELP}" for name, module in COMMANDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command", help="see below; each has its own --help")
    command = parser.parse_args(argv[:1]).command
    missing = [name for name in _EXTRA if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"{', '.join(missing)} not installed; run: pip install 'emotion-labeller[trainer]'")
    return int(COMMANDS[command].run(argv[1:]) or 0)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"emotion-trainer: error: {message}\n")
    return code


if __name__ == "__main__":
    main()
