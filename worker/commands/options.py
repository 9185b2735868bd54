"""Options of the commands that look back: a bounded run, and dead letters."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from schemas.dead_letter import Reason
from worker.kafka.offset_spec import parse_offset_spec, parse_time_ms
from worker.observe.logs import LEVELS

T = TypeVar("T")


CHALLENGER_OPTIONS = ("challenger", "challenger_revision", "share")
NOT_OF_CHALLENGER = ("to", "dead_letters", "compare", "allow_live_topic")
"""Options of a bounded run that a challenger does not have: its topic is a setting, and it compares."""

RANGE_OPTIONS = ("first", "until", "to", "dead_letters", "group", "compare", "allow_live_topic")


def add_range(run: argparse.ArgumentParser) -> None:
    """What makes `run` a bounded one."""
    offset_spec = _checked(parse_offset_spec)
    group = run.add_argument_group(
        "a bounded run", "label a part of the input topic anew, by EMOTION_MODEL, to another topic; end by itself"
    )
    group.add_argument(
        "--from",
        dest="first",
        type=offset_spec,
        metavar="PLACE",
        help="`earliest`, an ISO 8601 time, or offsets: 0:1500,1:0",
    )
    group.add_argument(
        "--until", type=offset_spec, metavar="PLACE", help="`now`, a time, or offsets; not itself included"
    )
    group.add_argument("--to", metavar="TOPIC", help="topic for the labels, in place of EMOTION_OUTPUT_TOPIC")
    group.add_argument(
        "--dead-letters",
        metavar="TOPIC",
        help="topic for dead letters, in place of EMOTION_DEAD_LETTER_TOPIC (default: that of --to with -dead-letters)",
    )
    group.add_argument(
        "--group",
        help="consumer group (default: one for this very command, so that the same command goes on where it stopped)",
    )
    group.add_argument("--compare", metavar="TOPIC", help="topic of older labels: count which labels changed")
    group.add_argument(
        "--allow-live-topic", action="store_true", help="let --to be EMOTION_OUTPUT_TOPIC: its readers see labels twice"
    )


def add_challenger(parser: argparse.ArgumentParser) -> None:
    """What makes `run` a challenger, and lets `check` look at one."""
    group = parser.add_argument_group(
        "a challenger",
        "another model beside the live workers: it labels what they have labelled, writes where it labels otherwise to "
        "EMOTION_CHALLENGER_TOPIC, and ends with a summary; --from and --until then are places in EMOTION_OUTPUT_TOPIC",
    )
    group.add_argument("--challenger", metavar="MODEL", help="`bundled`, a folder, or a Hugging Face hub id")
    group.add_argument("--challenger-revision", metavar="REVISION", help="branch, tag or commit of one from the hub")
    group.add_argument(
        "--share",
        type=_checked(_share),
        metavar="SHARE",
        help="look at this share of the texts only, above 0 up to 1: always the same keys (default: 1)",
    )


def log_level(default: str) -> argparse.ArgumentParser:
    """A parent of parsers that have `--log-level`; `argparse.SUPPRESS` leaves what an outer one has found."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--log-level", choices=LEVELS, default=default, help="from which level on events are logged (default: info)"
    )
    return parent


def add_check(parser: argparse.ArgumentParser) -> None:
    """What `check` looks at."""
    parser.add_argument("--json", action="store_true", help="one list of {check, ok, detail, mend}")
    parser.add_argument(
        "--device", action="store_true", help="the model on its device only, as warm-up does it; no broker is needed"
    )
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        metavar="N",
        help="so many are to run at most: has the input a partition for each of their processes?",
    )
    add_challenger(parser)


def add_dead_letters(parser: argparse.ArgumentParser) -> None:
    """`dead-letters show` and `replay`, which `action` tells apart."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    nested = [log_level(argparse.SUPPRESS)]
    show = actions.add_parser("show", parents=nested, help="one JSON line for each")
    _add_filters(show)
    show.add_argument("--with-value", action="store_true", help="print the values too: they may hold personal data")
    show.add_argument("--limit", type=positive, metavar="N", help="stop after so many")
    replay = actions.add_parser("replay", parents=nested, help="send the originals again, each exactly once")
    _add_filters(replay)
    replay.add_argument("--to", metavar="TOPIC", help="(default: EMOTION_INPUT_TOPIC, and only what came from there)")
    replay.add_argument("--dry-run", action="store_true", help="say what would be sent; send nothing")
    replay.add_argument(
        "--group",
        help="consumer group that keeps the place (default: one for these very filters and target, so that the same "
        "command goes on where it stopped)",
    )


def add_reviews(parser: argparse.ArgumentParser) -> None:
    """`reviews export`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser("export", parents=[log_level(argparse.SUPPRESS)], help="write files for other tools")
    export.add_argument("folder", type=Path, metavar="FOLDER", help="where the files go; it may be there")
    export.add_argument(
        "--format", choices=["label-studio", "csv"], required=True, help="label-studio: tasks.json and config.xml"
    )
    time_ms = _checked(parse_time_ms)
    export.add_argument("--since", type=time_ms, metavar="TIME", help="drawn at this time or later")
    export.add_argument("--until", type=time_ms, metavar="TIME", help="drawn before this time")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    time_ms = _checked(parse_time_ms)
    parser.add_argument(
        "--reason", action="append", choices=[reason.value for reason in Reason], help="may be given several times"
    )
    parser.add_argument("--since", type=time_ms, metavar="TIME", help="became a dead letter at this time or later")
    parser.add_argument("--until", type=time_ms, metavar="TIME", help="became a dead letter before this time")
    parser.add_argument(
        "--partition", action="append", type=int, metavar="N", help="came from this partition; several times"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1:
        raise ValueError(f"{text!r} is no number above 0 up to 1")
    return number


def _above_zero(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{text!r} is no number above 0")
    return number


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise ValueError(f"{text!r} is no port, such as 8082, and no address with one, such as 0.0.0.0:8082")
    return host.strip("[]") or "127.0.0.1", int(port)


def _checked(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Show the message of a ValueError to the user: argparse hides it."""

    def checked(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


positive = _checked(_positive)
"""A type of options: a whole number of 1 or more."""

above_zero = _checked(_above_zero)
"""A type of options: a number above 0."""

address = _checked(_address)
"""A type of options: a host, by default this one alone, and a port."""
