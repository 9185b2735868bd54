"""The command line of the worker."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.machine.cores import share_cores
from worker.commands.bench_report import FIELDS
from worker.commands.options import (
    CHALLENGER_OPTIONS,
    NOT_OF_CHALLENGER,
    RANGE_OPTIONS,
    above_zero,
    add_challenger,
    add_check,
    add_dead_letters,
    add_range,
    add_reviews,
    address,
    log_level,
    positive,
)
from worker.errors import UserError, exit_code
from worker.observe.logs import configure_logging
from worker.process.memory import collect_seldom
from worker.process.signals import end_at_once_on_signals
from worker.settings import load_settings

if TYPE_CHECKING:
    from worker.commands.challenge_settings import Challenge


def main() -> int:
    """Run one command; returns the exit code."""
    return exit_code(_main)


def _main() -> int:
    collect_seldom()
    arguments = parser().parse_args()
    configure_logging(arguments.log_level)
    if arguments.command is not _run:  # that one shares them among its processes
        share_cores()
    code: int = arguments.command(arguments)
    return code


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    parser = argparse.ArgumentParser(
        prog="emotion-worker", description="Labels texts with emotions. Settings are EMOTION_… environment variables."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = partial(commands.add_parser, parents=[log_level("info")])
    run = add("run", help="the service: texts from one Kafka topic, labels to another")
    run.add_argument("--processes", metavar="N", help="in place of EMOTION_PROCESSES: a number, or auto")
    add_range(run)
    add_challenger(run)
    run.set_defaults(command=_run)
    demo = add("demo", help="the whole thing on this machine, with an embedded broker")
    demo.add_argument(
        "--input", type=Path, metavar="FILE", help="plain text, one message a line (default: a few samples)"
    )
    demo.add_argument(
        "--page",
        type=address,
        metavar="[HOST:]PORT",
        help="address of the page, which then stays until Ctrl-C (default: any free port of 127.0.0.1, until the end)",
    )
    demo.set_defaults(command=_demo)
    label = add("label", help="lines in, JSON lines out, without Kafka")
    label.add_argument("files", nargs="*", type=Path, metavar="FILE", help="(default: standard input)")
    label.add_argument("--format", choices=["json", "text"], default="json", help="what each line is (default: json)")
    label.set_defaults(command=_label)
    serve = add("serve", help="labels over HTTP, without Kafka")
    serve.set_defaults(command=_serve)
    check = add("check", help="settings, broker, topics, rights, delivery and model, with a report")
    add_check(check)
    check.set_defaults(command=_check)
    _add_bench(add)
    dead_letters = add("dead-letters", help="show dead letters, or send their originals again")
    add_dead_letters(dead_letters)
    dead_letters.set_defaults(command=_dead_letters)
    reviews = add("reviews", help="texts that wait for review, as files for annotation tools")
    add_reviews(reviews)
    reviews.set_defaults(command=_reviews)
    schema = add("schema", help="print a contract")
    schema.add_argument("name", nargs="?", help="(default: list the names)")
    schema.set_defaults(command=_schema)
    return parser


def _add_bench(add: Callable[..., argparse.ArgumentParser]) -> None:
    bench = add(
        "bench",
        help="what this machine can do, and how much of it the pipeline gets",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="the last line is JSON:\n" + "\n".join(f"  {name}: {text}" for name, text in FIELDS.items()),
    )
    bench.add_argument("--input", type=Path, metavar="FILE", help="texts, one a line (default: built-in ones)")
    bench.add_argument("--texts", type=positive, default=2_000, help="how many of them (default: %(default)s)")
    bench.add_argument(
        "--records", type=positive, default=20_000, help="records to measure the client with (default: %(default)s)"
    )
    bench.add_argument("--rounds", type=positive, default=3, help="runs of each, in turns (default: %(default)s)")
    bench.add_argument("--target-rate", type=above_zero, metavar="TEXTS_PER_S", help="advise how to reach it")
    bench.add_argument(
        "--price-per-hour", type=above_zero, metavar="PRICE", help="of one replica: what a million texts cost"
    )
    bench.add_argument("--plots", type=Path, metavar="FOLDER", help="write PNG pictures there")
    bench.set_defaults(command=_bench)


# Each command imports what it needs: torch alone takes seconds.


def _run(arguments: argparse.Namespace) -> int:
    bounds = {name: getattr(arguments, name) for name in RANGE_OPTIONS}
    if _names_challenger(arguments):
        return _challenge(arguments)
    if any(bounds.values()):
        if arguments.processes is not None:
            raise UserError("--processes: a bounded run is one process; leave it out")
        share_cores()
        return _relabel(bounds)
    end_at_once_on_signals()
    from worker.supervisor import run

    overrides = {} if arguments.processes is None else {"processes": arguments.processes}
    return run(load_settings(**overrides), arguments.log_level)


def _names_challenger(arguments: argparse.Namespace) -> bool:
    if arguments.challenger is not None:
        return True
    if others := [name for name in CHALLENGER_OPTIONS if getattr(arguments, name) is not None]:
        raise UserError(f"--{others[0].replace('_', '-')} needs --challenger MODEL")
    return False


def _challenge(arguments: argparse.Namespace) -> int:
    if others := [name for name in NOT_OF_CHALLENGER if getattr(arguments, name)]:
        raise UserError(
            f"--{others[0].replace('_', '-')} does not go with --challenger, which writes to EMOTION_CHALLENGER_TOPIC"
        )
    if arguments.processes is not None:
        raise UserError("--processes: a challenger is one process; start several, they share the partitions")
    if (arguments.first is None) != (arguments.until is None):
        raise UserError("a bounded run of a challenger needs --from and --until")
    share_cores()
    if arguments.first is None:  # a range that was not begun is not done
        end_at_once_on_signals()
    from worker.commands.challenge import challenge

    return challenge(_challenger(arguments))


def _challenger(arguments: argparse.Namespace) -> "Challenge":
    from worker.commands.challenge_settings import Challenge

    bounds = {name: getattr(arguments, name, None) for name in ("first", "until", "group")}
    share = 1.0 if arguments.share is None else arguments.share
    return Challenge(arguments.challenger, arguments.challenger_revision, share, **bounds)


def _relabel(bounds: dict[str, Any]) -> int:
    if not (bounds["first"] and bounds["until"] and bounds["to"]):
        raise UserError("a bounded run needs --from, --until and --to")
    from worker.commands.relabel import Relabel, relabel

    return relabel(load_settings(), Relabel(**bounds))


def _demo(arguments: argparse.Namespace) -> int:
    from worker.commands.demo import demo
    from worker.commands.demo_page import Address

    return demo(load_settings(), arguments.input, arguments.page and Address(*arguments.page))


def _label(arguments: argparse.Namespace) -> int:
    from worker.commands.label import label

    return label(load_settings(), arguments.files, arguments.format)


def _serve(_: argparse.Namespace) -> int:
    end_at_once_on_signals()
    from worker.commands.serve import serve

    return serve(load_settings())


def _check(arguments: argparse.Namespace) -> int:
    from worker.commands.check import check

    challenger = _challenger(arguments) if _names_challenger(arguments) else None
    return check(arguments.json, arguments.device, arguments.workers, challenger)


def _dead_letters(arguments: argparse.Namespace) -> int:
    from worker.commands.dead_letters import Filters, show
    from worker.commands.replay import Replay, replay

    filters = Filters(arguments.reason, arguments.since, arguments.until, arguments.partition)
    if arguments.action == "show":
        return show(load_settings(), filters, arguments.limit, arguments.with_value)
    return replay(load_settings(), Replay(filters, arguments.to, arguments.group, arguments.dry_run))


def _reviews(arguments: argparse.Namespace) -> int:
    from worker.commands.reviews import Export, export

    return export(load_settings(), Export(arguments.folder, arguments.format, arguments.since, arguments.until))


def _bench(arguments: argparse.Namespace) -> int:
    from worker.commands.bench import Options, bench

    options = {name: value for name, value in vars(arguments).items() if name not in ("command", "log_level")}
    return bench(load_settings(), Options(**options))


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
