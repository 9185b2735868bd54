"""The command line of the worker."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

from worker.errors import UserError, exit_code
from worker.logs import LEVELS, configure_logging
from worker.options import RANGE_OPTIONS, add_dead_letters, add_range
from worker.settings import load_settings


def main() -> int:
    """Run one command; returns the exit code."""
    arguments = _parser().parse_args()
    configure_logging(arguments.log_level)
    return exit_code(partial(arguments.command, arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion-worker", description="Labels texts with emotions. Settings are EMOTION_… environment variables."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--log-level", choices=LEVELS, default="info", help="from which level on events are logged (default: info)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = partial(commands.add_parser, parents=[common])
    run = add("run", help="the service: texts from one Kafka topic, labels to another")
    run.add_argument("--processes", metavar="N", help="in place of EMOTION_PROCESSES: a number, or auto")
    add_range(run)
    run.set_defaults(command=_run)
    demo = add("demo", help="the whole thing on this machine, with an embedded broker")
    demo.add_argument(
        "--input", type=Path, metavar="FILE", help="plain text, one message a line (default: a few samples)"
    )
    demo.set_defaults(command=_demo)
    label = add("label", help="lines in, JSON lines out, without Kafka")
    label.add_argument("files", nargs="*", type=Path, metavar="FILE", help="(default: standard input)")
    label.add_argument("--format", choices=["json", "text"], default="json", help="what each line is (default: json)")
    label.set_defaults(command=_label)
    check = add("check", help="settings, broker, topics, rights, delivery and model, with a report")
    check.add_argument("--json", action="store_true", help="one list of {check, ok, detail, mend}")
    check.set_defaults(command=_check)
    dead_letters = add("dead-letters", help="show dead letters, or send their originals again")
    add_dead_letters(dead_letters)
    dead_letters.set_defaults(command=_dead_letters)
    schema = add("schema", help="print a contract")
    schema.add_argument("name", nargs="?", help="(default: list the names)")
    schema.set_defaults(command=_schema)
    return parser


# Each command imports what it needs: torch alone takes seconds.


def _run(arguments: argparse.Namespace) -> int:
    bounds = {name: getattr(arguments, name) for name in RANGE_OPTIONS}
    if any(bounds.values()):
        return _relabel(bounds)
    from worker.supervisor import run

    overrides = {} if arguments.processes is None else {"processes": arguments.processes}
    return run(load_settings(**overrides), arguments.log_level)


def _relabel(bounds: dict[str, Any]) -> int:
    if not (bounds["first"] and bounds["until"] and bounds["to"]):
        raise UserError("a bounded run needs --from, --until and --to")
    from worker.relabel import Relabel, relabel

    return relabel(load_settings(), Relabel(**bounds))


def _demo(arguments: argparse.Namespace) -> int:
    from worker.demo import demo

    return demo(load_settings(), arguments.input)


def _label(arguments: argparse.Namespace) -> int:
    from worker.label import label

    return label(load_settings(), arguments.files, arguments.format)


def _check(arguments: argparse.Namespace) -> int:
    from worker.check import check

    return check(arguments.json)


def _dead_letters(arguments: argparse.Namespace) -> int:
    from worker.dead_letters import Filters, show
    from worker.replay import Replay, replay

    filters = Filters(arguments.reason, arguments.since, arguments.until, arguments.partition)
    if arguments.action == "show":
        return show(load_settings(), filters, arguments.limit, arguments.with_value)
    return replay(load_settings(), Replay(filters, arguments.to, arguments.group, arguments.dry_run))


def _schema(arguments: argparse.Namespace) -> int:
    from schemas.published import documents

    published = documents()
    if arguments.name is None:
        sys.stdout.write("\n".join(published) + "\n")
    elif arguments.name in published:
        sys.stdout.write(published[arguments.name].decode())
    else:
        raise UserError(f"no contract {arguments.name}; there are: {', '.join(published)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
