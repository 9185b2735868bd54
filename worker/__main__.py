"""The command line of the worker."""

import argparse
import sys
from pathlib import Path
from typing import Any

from worker.bench_report import FIELDS
from worker.errors import NotDeliveredError, UserError
from worker.logs import configure_logging
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
    check = commands.add_parser("check", help="settings, broker, topics, delivery and model, with a report")
    check.set_defaults(command=_check)
    _add_bench(commands)
    schema = commands.add_parser("schema", help="print a contract")
    schema.add_argument("name", nargs="?", help="(default: list the names)")
    schema.set_defaults(command=_schema)
    return parser


def _add_bench(commands: Any) -> None:
    bench = commands.add_parser(
        "bench",
        help="what this machine can do, and how much of it the pipeline gets",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="the last line is JSON:\n" + "\n".join(f"  {name}: {text}" for name, text in FIELDS.items()),
    )
    bench.add_argument("--input", type=Path, metavar="FILE", help="texts, one a line (default: built-in ones)")
    bench.add_argument("--texts", type=_positive, default=2_000, help="how many of them (default: %(default)s)")
    bench.add_argument(
        "--records", type=_positive, default=20_000, help="records to measure the client with (default: %(default)s)"
    )
    bench.add_argument("--rounds", type=_positive, default=3, help="runs of each, in turns (default: %(default)s)")
    bench.add_argument("--target-rate", type=float, metavar="TEXTS_PER_S", help="advise how to reach it")
    bench.add_argument(
        "--price-per-hour", type=float, metavar="PRICE", help="of one replica: what a million texts cost"
    )
    bench.add_argument("--plots", type=Path, metavar="FOLDER", help="write PNG pictures there")
    bench.set_defaults(command=_bench)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


# Each command imports what it needs: torch alone takes seconds.


def _run(_: argparse.Namespace) -> int:
    from worker.service import run

    return run(load_settings())


def _demo(arguments: argparse.Namespace) -> int:
    from worker.demo import demo

    return demo(load_settings(), arguments.input)


def _label(arguments: argparse.Namespace) -> int:
    from worker.label import label

    return label(load_settings(), arguments.files, arguments.format)


def _check(_: argparse.Namespace) -> int:
    from worker.check import check

    return check(load_settings())


def _bench(arguments: argparse.Namespace) -> int:
    from worker.bench import Options, bench

    options = {name: value for name, value in vars(arguments).items() if name != "command"}
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
