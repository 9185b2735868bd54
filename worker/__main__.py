"""The command line of the worker."""

import argparse
import sys
from pathlib import Path

from worker.errors import NotDeliveredError, UserError
from worker.logs import configure_logging
from worker.options import add_dead_letters, add_range
from worker.settings import load_settings


def main() -> int:
    """Run one command; returns the exit code: 2 for what the user can mend, 1 for what may pass."""
    arguments = _parser().parse_args()
    configure_logging()
    try:
        code: int = arguments.command(arguments)
    except UserError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"emotion-worker: {line}\n")
        return 2
    except NotDeliveredError as error:  # at start-up; while running it is tried again
        sys.stderr.write(f"emotion-worker: the brokers do not take what we write: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion-worker", description="Labels texts with emotions. Settings are EMOTION_… environment variables."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="the service: texts from one Kafka topic, labels to another")
    add_range(run)
    run.set_defaults(command=_run)
    demo = commands.add_parser("demo", help="the whole thing on this machine, with an embedded broker")
    demo.add_argument(
        "--input", type=Path, metavar="FILE", help="plain text, one message a line (default: a few samples)"
    )
    demo.set_defaults(command=_demo)
    label = commands.add_parser("label", help="lines in, JSON lines out, without Kafka")
    label.add_argument("files", nargs="*", type=Path, metavar="FILE", help="(default: standard input)")
    label.add_argument("--format", choices=["json", "text"], default="json", help="what each line is (default: json)")
    label.set_defaults(command=_label)
    check = commands.add_parser("check", help="settings, broker, topics, rights, delivery and model, with a report")
    check.add_argument("--json", action="store_true", help="one list of {check, ok, detail, mend}")
    check.set_defaults(command=_check)
    dead_letters = commands.add_parser("dead-letters", help="show dead letters, or send their originals again")
    add_dead_letters(dead_letters)
    dead_letters.set_defaults(command=_dead_letters)
    schema = commands.add_parser("schema", help="print a contract")
    schema.add_argument("name", nargs="?", help="(default: list the names)")
    schema.set_defaults(command=_schema)
    return parser


# Each command imports what it needs: torch alone takes seconds.


def _run(arguments: argparse.Namespace) -> int:
    options = {name: value for name, value in vars(arguments).items() if name != "command"}
    if not any(options.values()):
        from worker.service import run

        return run(load_settings())
    if not (arguments.first and arguments.until and arguments.to):
        raise UserError("a bounded run needs --from, --until and --to")
    from worker.relabel import Relabel, relabel

    return relabel(load_settings(), Relabel(**options))


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
